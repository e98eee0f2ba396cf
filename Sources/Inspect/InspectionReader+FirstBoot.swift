import Readers
import Plans
import Trees

extension InspectionReader {
    /// What happens before the system is as it stays, boot by boot. Empty when nothing is pending.
    mutating func firstBoot() throws(VolumeError) -> [Inspection.Step] {
        var course = Course()
        if case .pending(let word) = facts.state {
            guard let slot = Slot(word) else {
                course.add("reconfig-clusterctrl finds no valid type, changes nothing and restarts, again and again")
                return course.steps
            }
            course.add("reconfig-clusterctrl converts the card to \(slot) and restarts")
            course.boot += 1
        }
        guard hasRoot else { return course.steps }
        if let program = facts.initAfterConversion { try follow(program, &course) }
        if line.contains("resize") { try resizeEarly(&course) }
        if line.arguments.contains(where: { $0.key == "systemd.run" }) { try runFirstScript(&course) }
        try ordinaryStart(&course)
        return course.steps
    }

    private struct Course {
        var boot = 1
        var steps: [Inspection.Step] = []
        mutating func add(_ what: String) { steps.append(.init(boot: boot, what: what)) }
    }

    /// A first boot's program as process 1, and the restart at its end.
    private mutating func follow(_ program: String, _ course: inout Course) throws(VolumeError) {
        if program.hasSuffix("/raspberrypi-sys-mods/firstboot") {
            let settings = try customSettings()
            let applies = settings.map { ", applies custom.toml (\($0.summary))" } ?? ""
            let id = facts.isNetbootTree ? "" : ", a new disk id"
            let start =
                facts.isNetbootTree
                ? "firstboot makes"
                : isBookwormOrLater
                    ? "the initramfs grows the root partition; firstboot makes"
                    : "firstboot grows the root partition, makes"
            course.add("\(start) new SSH host keys\(id)\(applies) and restarts")
        } else if program.hasSuffix("/raspi-config/init_resize.sh") {
            course.add("init_resize.sh grows the root partition, makes a new disk id and restarts")
        } else if ["/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"].contains(program) {
            return
        } else {
            course.add("\(program) runs in place of systemd; what it does is not known")
        }
        course.boot += 1
    }

    /// The word `resize` of trixie: the initramfs grows the partition, and systemd the file system if it takes this
    /// for the first boot.
    private mutating func resizeEarly(_ course: inout Course) throws(VolumeError) {
        course.add("the initramfs grows the root partition and makes a new disk id")
        if try source.isFirstBootForSystemd() {
            course.add("rpi-resize grows the root file system")
        } else {
            report(
                .warning,
                .resizeSkipped,
                "the root partition will grow at the first boot, but not its file system: "
                    + "/etc/machine-id says that this is not the first boot",
                hint: "write \"uninitialized\" into /etc/machine-id")
        }
    }

    /// Raspberry Pi Imager's firstrun.sh, by systemd-run-generator(8).
    private mutating func runFirstScript(_ course: inout Course) throws(VolumeError) {
        let program = line.values(of: "systemd.run").last ?? ""
        let name = VolumePath(program.split(separator: " ").first.map(String.init) ?? "")?.name ?? ""
        course.add(
            "\(name.isEmpty ? "systemd.run" : name) runs in place of the ordinary start, then the machine restarts")
        course.boot += 1
        guard program.hasPrefix("/boot/"), let path = VolumePath("/" + name) else { return }
        if try !source.exists(.boot, path) {
            report(
                .error, .firstrunMissing, "cmdline.txt runs \(program), but the boot partition has no \(name)",
                hint: "remove the systemd.run arguments from cmdline.txt")
        }
    }

    /// What units do at the first start of the whole system.
    private mutating func ordinaryStart(_ course: inout Course) throws(VolumeError) {
        if let id = try source.lines(.root, "/etc/machine-id"), ["", "uninitialized"].contains(id.first ?? "") {
            course.add(
                "systemd makes a machine id" + (id.first == "uninitialized" ? " and counts this as the first boot" : "")
            )
        }
        if try source.hasResizeScript(), !facts.isNetbootTree {
            course.add("resize2fs_once grows the root file system")
        }
        // firstboot has made keys and turned that unit off by then.
        let units = (runsFirstboot ? [] : ["regenerate_ssh_host_keys.service"]) + ["sshd-keygen.service"]
        for unit in units where try willStart(unit) {
            course.add("\(unit.dropLast(".service".utf8.count)) makes new SSH host keys")
        }
        if try hasMarker() {
            if try isEnabled("sshswitch.service") {
                course.add("sshswitch opens ssh, because the marker is there")
            } else {
                report(
                    .warning,
                    .sshMarkerUnused,
                    "the boot partition has the ssh marker, but sshswitch.service, which looks for it, "
                        + "is not enabled", hint: "enable ssh.service")
            }
        }
        if let names = try arrivingNetworks(), try isEnabled("raspberrypi-net-mods.service") {
            course.add(
                "raspberrypi-net-mods moves boot:/wpa_supplicant.conf over \(Self.supplicantPath) "
                    + "(Wi-Fi \(names.joined(separator: ", ")))")
        }
        try addUser(&course)
        for step in try pendingFirstBoot() { course.add("the system, once started, \(step)") }
        if try isCloudInitActive() {
            let host = try cloudHostname().map { " (host name \($0))" } ?? ""
            course.add("cloud-init applies what the boot partition's user-data says\(host)")
            if let user = try cloudUser() {
                course.add(
                    "cloud-init locks the password of \(user), makes that user if it is missing, and lets it sudo")
            }
        }
    }

    private mutating func addUser(_ course: inout Course) throws(VolumeError) {
        guard facts.isUserWizardPending else { return }
        let first = facts.firstUser?.name ?? "the first user"
        switch try userconf() {
        case .user(let name, _, let file)? where name == first:
            course.add("\(file) sets the password of \(name)")
        case .user(let name, _, let file)?: course.add("\(file) renames \(first) to \(name) and sets the password")
        case .invalid(let file, _)?: course.add("\(file) is refused, and a wizard on the console asks for a user")
        case nil: course.add("a wizard on the console asks for a user name and a password")
        }
    }

    func hasMarker() throws(VolumeError) -> Bool {
        for path: VolumePath in ["/ssh", "/ssh.txt"] where try source.exists(.boot, path) { return true }
        return false
    }
}

// MARK: - cloud-init and custom.toml

extension InspectionReader {
    /// cloud-init is there, not switched off, and has something to apply: a seed, or an image's word that there is one.
    func isCloudInitActive() throws(VolumeError) -> Bool {
        guard facts.hasCloudInit, try !source.exists(.root, "/etc/cloud/cloud-init.disabled"),
            line.values(of: "cloud-init").last != "disabled"
        else { return false }
        if try source.exists(.boot, "/user-data") { return true }
        return try cloudConfig().contains { $0.hasPrefix("datasource_list:") }
    }

    /// The lines of cloud-init's own configuration, the files in the order in which the later goes before the earlier.
    private func cloudConfig() throws(VolumeError) -> [String] {
        let folder: VolumePath = "/etc/cloud/cloud.cfg.d"
        var lines = try source.lines(.root, "/etc/cloud/cloud.cfg") ?? []
        for name in try source.names(.root, folder).sorted() where name.hasSuffix(".cfg") {
            if let path = folder.appending(name) { lines += try source.lines(.root, path) ?? [] }
        }
        return lines
    }

    /// The default user, whom cloud-init sets up when nobody names others: without password unless it is told one
    /// (distros/__init__.py). Nil when it leaves all users alone.
    func cloudUser() throws(VolumeError) -> String? {
        let own = try source.lines(.boot, "/user-data") ?? []
        let lines = try cloudConfig()
        let isNamed = own.contains { $0.hasPrefix("users:") }
        let list = isNamed ? own : lines
        guard let start = list.lastIndex(where: { $0.hasPrefix("users:") }) else { return nil }
        let items = [list[start]] + list[(start + 1)...].prefix { $0.hasPrefix(" ") || $0.hasPrefix("-") }
        guard items.contains(where: { $0.contains("default") }),
            let user = lines.lastIndex(where: { $0.trimmedBlanks == "default_user:" })
        else { return nil }
        let name = lines[(user + 1)...].lazy.map(\.trimmedBlanks).first { $0.hasPrefix("name:") }
        return name.map { String($0.dropFirst("name:".utf8.count)).trimmedBlanks }
    }

    /// The value of `hostname:` at the top level of user-data, unless cloud-init is told to keep the host's.
    func cloudHostname() throws(VolumeError) -> String? {
        let own = try source.lines(.boot, "/user-data") ?? []
        let all = try cloudConfig() + own
        if all.last(where: { $0.hasPrefix("preserve_hostname:") })?.hasSuffix("true") == true { return nil }
        return own.first { $0.hasPrefix("hostname:") }
            .map { $0.dropFirst("hostname:".utf8.count).filter { $0 != "\"" && $0 != "'" && $0 != " " } }
    }

    /// The strings and booleans of custom.toml by `section.key`; arrays and secrets are of no interest.
    struct CustomSettings {
        var values: [String: String] = [:]

        init(_ lines: [String]) {
            var section = ""
            for text in lines.map(\.trimmedBlanks) {
                if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                    section = String(text.dropFirst().prefix(upTo: end))
                } else if !text.hasPrefix("#"), let equals = text.firstIndex(of: "=") {
                    let key = String(text[..<equals]).trimmedBlanks
                    var value = String(text[text.index(after: equals)...]).trimmedBlanks
                    if let quote = value.first, quote == "\"" || quote == "'" {
                        value = String(value.dropFirst().prefix(while: { $0 != quote }))
                    } else {
                        value = String(value.prefix(while: { $0 != "#" })).trimmedBlanks
                    }
                    values["\(section).\(key)"] = value
                }
            }
        }

        var hostname: String? { values["system.hostname"] }
        var user: String? { values["user.name"] }
        var opensSSH: Bool { values["ssh.enabled"] == "true" }

        var summary: String {
            var parts: [String] = []
            if let hostname { parts.append("host name \(hostname)") }
            if let user { parts.append("user \(user)") }
            if opensSSH { parts.append("opens ssh") }
            if values["wlan.ssid"] != nil { parts.append("Wi-Fi") }
            return parts.isEmpty ? "nothing that shows here" : parts.joined(separator: ", ")
        }
    }

    func customSettings() throws(VolumeError) -> CustomSettings? {
        try source.lines(.boot, "/custom.toml").map(CustomSettings.init)
    }

    /// firstboot runs, now or after a conversion, and applies custom.toml.
    var runsFirstboot: Bool { facts.runsFirstboot }
}
