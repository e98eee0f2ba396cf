import Plans
import Readers
import Trees

/// Whether a file of the profile is there, and read, when the system runs.
extension EffectJudge {
    mutating func judgeFiles() throws(VolumeError) {
        let files = settings.files.filter { $0.target.partition == .root }
        if files.isEmpty { return }
        let mounts = try mountPoints()
        let makesKeys = try reader.makesHostKeys()
        for file in files {
            judgeMounts(file, mounts)
            judgeReplacement(file, makesKeys: makesKeys)
            judgeReader(file)
        }
    }

    /// Where something is mounted over what the image has: the kernel's and systemd's own file systems, and those of
    /// /etc/fstab.
    func mountPoints() throws(VolumeError) -> [(path: VolumePath, by: String)] {
        var mounts: [(path: VolumePath, by: String)] = ["/dev", "/proc", "/sys", "/run"].map {
            ($0, "the system at its start")
        }
        for (index, line) in try lines("/etc/fstab").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            guard words.count > 2, !words[0].hasPrefix("#"), words[1] != "/", words[2] != "swap",
                let path = VolumePath(words[1]), path != reader.facts.bootMount
            else { continue }
            mounts.append((path, "/etc/fstab:\(index + 1)"))
        }
        for name in ["home"] + accounts.users.filter({ $0.id == 1000 }).map({ "home-" + $0.name }) {
            guard try reader.isEnabled(name + ".mount"), try !reader.isMasked(name + ".mount"),
                let path = VolumePath("/" + name.split(separator: "-", maxSplits: 1).joined(separator: "/"))
            else { continue }
            mounts.append((path, name + ".mount"))
        }
        return mounts
    }

    private mutating func judgeMounts(_ file: Settings.FileCopy, _ mounts: [(path: VolumePath, by: String)]) {
        var path = file.target.path
        if path.isBelow("/var/run") { path = VolumePath("/run/" + (path.name ?? "")) ?? path }
        if let mount = mounts.first(where: { path.isBelow($0.path) }) {
            refuse(
                "\(file.target)", .fileHidden, "\(mount.by) mounts something over \(mount.path)",
                hint: "put it elsewhere, and let a tmpfiles.d(5) file copy it")
        }
        // Debian empties it at every boot (/usr/lib/tmpfiles.d/tmp.conf).
        if path.isBelow("/tmp") {
            refuse(
                "\(file.target)", .fileHidden, "/tmp is emptied at every boot",
                hint: "put it elsewhere, /var/tmp for one")
        }
    }

    private mutating func judgeReplacement(_ file: Settings.FileCopy, makesKeys: Bool) {
        let path = file.target.path
        if path.parent == "/etc/ssh", path.name?.hasPrefix("ssh_host_") == true, makesKeys {
            refuse(
                "\(file.target)", .fileReplaced, "the first boot makes new host keys",
                hint: "add regenerate_ssh_host_keys.service to units.disable, and init to kernel_arguments.remove")
        }
        if path == "/etc/wpa_supplicant/wpa_supplicant.conf", !reader.isBookwormOrLater,
            (try? reader.source.exists(.boot, "/wpa_supplicant.conf")) == true
        {
            refuse("\(file.target)", .fileReplaced, "the first boot moves boot:/wpa_supplicant.conf over it")
        }
    }

    // MARK: Who reads it

    /// The folders whose reader skips files by name or mode, with why (the manual page of each).
    private static let readers: [(folder: VolumePath, why: @Sendable (String, Settings.FileCopy) -> String?)] = [
        (
            "/etc/sudoers.d",
            { name, file in
                if name.contains(".") || name.hasSuffix("~") { return "sudo skips names with a dot or a tilde" }
                if file.mode & 0o022 != 0 { return "sudo reads no file that others may write" }
                return file.owner == 0 ? nil : "sudo reads files of root alone"
            }
        ),
        (
            "/etc/cron.d",
            { name, file in
                cronProblem(name)
                    ?? (file.owner == 0 && file.mode & 0o022 == 0
                        ? nil : "cron reads files of root alone that nobody else may write")
            }
        ),
        ("/etc/cron.hourly", { name, file in partsProblem(name, file) }),
        ("/etc/cron.daily", { name, file in partsProblem(name, file) }),
        ("/etc/cron.weekly", { name, file in partsProblem(name, file) }),
        ("/etc/sysctl.d", { name, _ in ending(".conf", name, "systemd-sysctl") }),
        ("/etc/modprobe.d", { name, _ in ending(".conf", name, "modprobe") }),
        ("/etc/modules-load.d", { name, _ in ending(".conf", name, "systemd-modules-load") }),
        ("/etc/tmpfiles.d", { name, _ in ending(".conf", name, "systemd-tmpfiles") }),
        ("/etc/ssh/sshd_config.d", { name, _ in ending(".conf", name, "sshd") }),
        ("/etc/NetworkManager/conf.d", { name, _ in ending(".conf", name, "NetworkManager") }),
        ("/etc/udev/rules.d", { name, _ in ending(".rules", name, "udev") }),
        ("/etc/profile.d", { name, _ in ending(".sh", name, "the shell") }),
        (
            "/etc/NetworkManager/system-connections",
            { name, file in
                file.mode & 0o077 != 0 || file.owner != 0
                    ? "NetworkManager reads files of root alone that nobody else may read"
                    : ending(".nmconnection", name, "NetworkManager")
            }
        ),
    ]

    private static func ending(_ ending: String, _ name: String, _ program: String) -> String? {
        name.hasSuffix(ending) ? nil : "\(program) reads names that end in \(ending)"
    }

    private static func cronProblem(_ name: String) -> String? {
        let isPlain = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
                || $0 == 0x5F
        }
        return isPlain ? nil : "cron skips names that are not made of letters, digits, - and _"
    }

    private static func partsProblem(_ name: String, _ file: Settings.FileCopy) -> String? {
        cronProblem(name) ?? (file.mode & 0o111 == 0 ? "run-parts runs only what can be executed" : nil)
    }

    private mutating func judgeReader(_ file: Settings.FileCopy) {
        guard case .file = file.content, let name = file.target.path.name, !name.uppercased().hasPrefix("README"),
            let reader = Self.readers.first(where: { $0.folder == file.target.path.parent }),
            let why = reader.why(name, file)
        else { return }
        warn(.fileIgnored, "nothing reads \(file.target): \(why)")
    }
}
