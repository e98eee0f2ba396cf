import Plans
import Readers
import Trees

/// Host name, language and time: what the first boots, the kernel line and the environment say instead.
extension EffectJudge {
    mutating func judgeHostname() throws(VolumeError) {
        guard let wanted = settings.hostname ?? (slot == .anyPlain ? reader.facts.hostname : slot.name) else { return }
        let setting = settings.hostname == nil ? "host name \(wanted)" : "hostname"
        func overridden(_ other: String?, by what: String, hint: String) {
            guard let other, other != wanted else { return }
            refuse(setting, .hostnameOverridden, "\(what) sets \(other)", hint: hint)
        }
        overridden(reader.facts.hostname, by: "/etc/hostname", hint: "leave /etc/hostname out of `files`")
        overridden(
            reader.line.values(of: "systemd.hostname").last, by: "systemd.hostname= on the kernel's line",
            hint: "add systemd.hostname to kernel_arguments.remove")
        overridden(
            try customSettings()?.hostname, by: "boot:/custom.toml, which the first boot applies,",
            hint: "leave hostname out of custom.toml")
        if try reader.isCloudInitActive() {
            overridden(
                try reader.cloudHostname(), by: "boot:/user-data, which cloud-init applies at every boot,",
                hint: "leave hostname out of user-data")
        }
        try judgeFirstScript(setting, wanted)
        try judgeNameService()
    }

    /// firstrun.sh of Raspberry Pi Imager, as far as its text tells.
    private mutating func judgeFirstScript(_ setting: String, _ wanted: String) throws(VolumeError) {
        guard let program = reader.line.values(of: "systemd.run").last,
            let name = VolumePath(program.blankSeparated.first ?? "")?.name,
            let path = VolumePath("/" + name), let lines = try reader.source.settings(.boot, path)
        else { return }
        for words in lines.map(\.blankSeparated) {
            guard let at = words.firstIndex(where: { $0 == "set_hostname" || $0.hasSuffix("/set_hostname") }),
                at + 1 < words.count
            else { continue }
            let name = words[at + 1].filter { $0 != "'" && $0 != "\"" }
            if name != wanted, name != "$1" {
                return refuse(
                    setting, .hostnameOverridden, "boot:/\(path.name ?? "") sets \(name) at the first boot",
                    hint: "leave it out of the script")
            }
        }
        warn(.firstrunUnknown, "boot:\(path) runs at the first boot and may change what the profile sets")
    }

    /// Programs look into /etc/hosts only when nsswitch.conf says so (nsswitch.conf(5)).
    private mutating func judgeNameService() throws(VolumeError) {
        guard !settings.hosts.isEmpty || settings.domain != nil else { return }
        for (index, line) in try lines("/etc/nsswitch.conf").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            guard words.first == "hosts:" else { continue }
            if !words.contains("files") {
                refuse(
                    "hosts", .hostsUnread, "programs do not look into /etc/hosts (/etc/nsswitch.conf:\(index + 1))",
                    hint: "write `hosts: files dns` there")
            }
            return
        }
    }

    // MARK: Locale and time

    mutating func judgeLocale() throws(VolumeError) {
        if let locale = settings.locale {
            for (place, value) in try assignments(of: ["LC_ALL"]) + profileAssignments(of: ["LC_ALL", "LANG"])
            where value != locale {
                refuse(
                    "locale", .localeOverridden, "\(place) sets \(value)", hint: "remove that line from the base")
            }
            if let value = reader.line.values(of: "locale.LC_ALL").last, value != locale {
                refuse("locale", .localeOverridden, "locale.LC_ALL= on the kernel's line sets \(value)")
            }
        }
        guard let zone = settings.timeZone else { return }
        for (place, value) in try assignments(of: ["TZ"]) + profileAssignments(of: ["TZ"])
        where value != zone && value != ":" + zone && value != ":/etc/localtime" {
            refuse(
                "time_zone", .timeZoneOverridden, "\(place) sets \(value)", hint: "remove that line from the base")
        }
        if let other = try customSettings()?.values["locale.timezone"], other != zone {
            refuse(
                "time_zone", .timeZoneOverridden, "boot:/custom.toml, which the first boot applies, sets \(other)",
                hint: "leave timezone out of custom.toml")
        }
    }

    /// /etc/environment, which PAM reads for every login (pam_env(8)).
    private func assignments(of names: [String]) throws(VolumeError) -> [(place: String, value: String)] {
        try assignments(of: names, in: "/etc/environment")
    }

    /// What shells read at a login.
    private func profileAssignments(of names: [String]) throws(VolumeError) -> [(place: String, value: String)] {
        var found = try assignments(of: names, in: "/etc/profile")
        for name in try reader.source.names(.root, "/etc/profile.d") where name.hasSuffix(".sh") {
            if let path = VolumePath("/etc/profile.d/" + name) { found += try assignments(of: names, in: path) }
        }
        return found
    }

    private func assignments(
        of names: [String], in path: VolumePath
    ) throws(VolumeError) -> [(place: String, value: String)] {
        var found: [(place: String, value: String)] = []
        for (index, line) in try lines(path).enumerated() {
            var text = line.trimmedBlanks[...]
            // Only lines that hold in any case: not those inside an `if`, which are indented.
            guard line.first != " ", line.first != "\t" else { continue }
            if text.hasPrefix("export ") { text = text.dropFirst("export ".utf8.count) }
            guard let equals = text.firstIndex(of: "="), names.contains(String(text[..<equals])) else { continue }
            let value = text[text.index(after: equals)...].filter { $0 != "\"" && $0 != "'" && $0 != ";" }
            guard !value.contains("$") else { continue }
            found.append(("\(path):\(index + 1)", String(value)))
        }
        return found
    }
}
