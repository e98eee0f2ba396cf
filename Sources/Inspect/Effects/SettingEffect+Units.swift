import Plans
import Readers
import Trees

/// Whether units start or not: judged as systemd does (systemd.unit(5), systemd-sysv-generator(8)).
extension EffectJudge {
    mutating func judgeUnits() throws(VolumeError) {
        for unit in settings.units.enable { try judgeStart(of: unit, setting: "\(unit) in units.enable") }
        for unit in settings.units.disable { try judgeDisabled(unit) }
    }

    mutating func judgeStart(of unit: String, setting: String) throws(VolumeError) {
        if let mask = try reader.mask(of: unit) {
            return refuse(
                setting, .unitNotStarted, "it is masked (\(mask))",
                hint: Self.unmasking(unit, mask))
        }
        var folders: [VolumePath] = []
        for folder in try reader.unitFolders() {
            if let path = folder.appending(unit), try reader.isThere(path) { folders.append(folder) }
        }
        guard !folders.isEmpty else { return }  // by an alias or a unit of Also=, which the planner has seen to
        let goal = try reader.bootTarget()
        if Self.small.contains(goal.name) {
            return refuse(
                setting, .unitNotStarted, "the image starts \(goal.name) alone (\(goal.by))",
                hint: "remove that from the base, or from kernel_arguments")
        }
        let idle: Set<String> = goal.name == "multi-user.target" ? ["graphical.target"] : []
        let targets = folders.compactMap { $0.name?.split(separator: ".").dropLast().joined(separator: ".") }
        if targets.allSatisfy(idle.contains) {
            refuse(
                setting, .unitNotStarted, "\(targets[0]) starts it, and the image starts \(goal.name)",
                hint: "link it into multi-user.target.wants with `files`")
        }
    }

    /// Targets in which no service of the system's users runs (systemd.special(7)).
    static let small: Set<String> = [
        "rescue.target", "emergency.target", "sysinit.target", "basic.target", "poweroff.target", "halt.target",
        "reboot.target", "shutdown.target", "initrd.target",
    ]

    static func unmasking(_ unit: String, _ mask: String) -> String {
        mask.hasPrefix("/")
            ? "remove that link from the base, and \(unit) from units.mask"
            : "add \(mask.prefix { $0 != " " }) to kernel_arguments.remove"
    }

    private mutating func judgeDisabled(_ unit: String) throws(VolumeError) {
        let setting = "\(unit) in units.disable"
        let hint = "put it into units.mask"
        let vendor: VolumePath = "/usr/lib/systemd/system"
        for name in try reader.source.names(.root, vendor) where name.hasSuffix(".wants") || name.hasSuffix(".requires")
        {
            guard let path = vendor.appending(name)?.appending(unit), try reader.isThere(path) else { continue }
            return refuse(setting, .unitStillStarted, "it starts all the same (\(path))", hint: hint)
        }
        if reader.line.values(of: "systemd.wants").contains(unit) {
            return refuse(setting, .unitStillStarted, "systemd.wants=\(unit) is on the kernel's line", hint: hint)
        }
        guard unit.hasSuffix(".service") else { return }
        let stem = String(unit.dropLast(".service".utf8.count))
        if try !hasUnitFile(unit), let script = VolumePath("/etc/init.d/" + stem),
            try reader.source.exists(.root, script)
        {
            for level in ["rc2.d", "rc3.d", "rc4.d", "rc5.d"] {
                guard let folder = VolumePath("/etc/" + level) else { continue }
                for name in try reader.source.names(.root, folder)
                where name.hasPrefix("S") && name.dropFirst(3) == stem[...] {
                    return refuse(
                        setting, .unitStillStarted,
                        "systemd makes a unit of \(script), as \(folder)/\(name) asks for it",
                        hint: hint)
                }
            }
        }
        for ending in ["socket", "timer", "path"] where try reader.isEnabled("\(stem).\(ending)") {
            guard !settings.units.disable.contains("\(stem).\(ending)"),
                !settings.units.mask.contains("\(stem).\(ending)")
            else { continue }
            warn(
                .unitTrigger, "\(stem).\(ending) still starts \(unit), which units.disable turns off",
                hint: "put \(stem).\(ending) into units.disable as well")
        }
    }

    private func hasUnitFile(_ unit: String) throws(VolumeError) -> Bool {
        for folder in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            if let path = VolumePath("\(folder)/\(unit)"), try reader.source.exists(.root, path) { return true }
        }
        return false
    }
}
