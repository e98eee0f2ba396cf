import Reports
import Trees

/// systemd units on, off and masked: the links that `systemctl` would make.
extension Planner {
    /// As `systemctl enable`: the units, and what they name in `Also=`.
    mutating func enable(_ names: [String]) throws(PlanError) {
        var seen: Set<String> = []
        for name in names { try enable(name, isWanted: true, seen: &seen) }
    }

    mutating func mask(_ name: String) throws(PlanError) {
        guard let path = ImageFacts.systemdPath.appending(name) else { throw .noUnit(name) }
        try put(path, .symlink("/dev/null"), .init(mode: 0o777), reason: "\(name) masked")
    }

    /// A link in one folder, for a unit whose file is known to want it there.
    mutating func enable(_ name: String, in folder: String, reason: String) throws(PlanError) {
        guard let unit = facts.unitFile(name, among: brought) else {
            throw .missingInImage("unit \(name)", purpose: "enable \(name)")
        }
        try unmask(name, reason: reason)
        try link(name, in: folder, to: unit, reason: reason)
    }

    /// As `systemctl disable` does: a folder of links goes with the last of them.
    mutating func removeEmptyWants() throws(PlanError) {
        for folder in facts.listings.keys.sorted() where folder.parent == ImageFacts.systemdPath {
            try removeIfEmptied(folder, reason: "no unit is left in it")
        }
    }

    mutating func removeLink(_ name: String, in folder: String, reason: String) throws(PlanError) {
        guard let path = ImageFacts.link(of: name, in: folder) else { throw .noUnit(name) }
        try remove(path, reason: reason)
        keepOff(name)
    }

    private mutating func enable(_ name: String, isWanted: Bool, seen: inout Set<String>) throws(PlanError) {
        guard seen.insert(name).inserted else { return }
        guard let unit = facts.unitFile(name, among: brought) else {
            if isWanted { throw .noUnit(name) }
            return
        }
        let install = UnitInstall(unit.text)
        if install.isEmpty {
            if isWanted { throw .unitWithoutInstall(name) }
            return
        }
        let reason = "\(name) on"
        try unmask(name, reason: reason)
        for folder in install.folders { try link(name, in: folder, to: unit, reason: reason) }
        for alias in install.aliases {
            guard let path = ImageFacts.systemdPath.appending(alias) else { throw .noUnit(alias) }
            try put(path, .symlink(linkText(at: path, to: unit)), .init(mode: 0o777), reason: reason)
        }
        for other in install.also { try enable(other, isWanted: false, seen: &seen) }
    }

    /// As `systemctl disable`; a unit that the image does not have is off.
    mutating func disable(_ name: String) throws(PlanError) {
        keepOff(name)
        let reason = "\(name) off"
        let unit = facts.unitFile(name, among: brought)
        let install = UnitInstall(unit?.text ?? "")
        let links = install.folders.compactMap { ImageFacts.link(of: name, in: $0) } + facts.enablingLinks(of: name)
        if unit == nil && links.isEmpty { warn("\(name) is not in the image, so it is off") }
        for path in links { try remove(path, reason: reason) }
        for path in install.aliases.compactMap({ ImageFacts.systemdPath.appending($0) }) {
            guard let text = facts.linkText(path), text.fileName == name else { continue }
            try remove(path, reason: reason)
        }
    }

    mutating func unmask(_ name: String, reason: String) throws(PlanError) {
        guard let path = ImageFacts.systemdPath.appending(name), facts.isMask(path) else { return }
        try remove(path, reason: reason)
    }

    private mutating func link(
        _ name: String, in folder: String, to unit: ImageFacts.UnitFile, reason: String
    ) throws(PlanError) {
        guard let path = ImageFacts.link(of: name, in: folder) else { throw .noUnit(name) }
        try put(path, .symlink(linkText(at: path, to: unit)), .init(mode: 0o777), reason: reason)
    }

    /// The text of a link that leads to the unit already, however it is written; else the unit's path.
    private func linkText(at path: VolumePath, to unit: ImageFacts.UnitFile) -> String {
        if let text = facts.linkText(path), facts.found(.root, path)?.kind == .file,
            text.fileName == unit.path.name
        {
            return text
        }
        return unit.path.description
    }
}
