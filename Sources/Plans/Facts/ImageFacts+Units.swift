package import Trees

extension ImageFacts {
    /// A unit's file, in the image or among the files that a profile brings.
    package struct UnitFile: Equatable, Sendable {
        /// What a link to it says: /lib before /usr/lib, as systemd of these releases writes it.
        package var path: VolumePath
        package var text: String
    }

    static let systemdPath: VolumePath = "/etc/systemd/system"
    static let unitFolders: [VolumePath] = [systemdPath, "/lib/systemd/system", "/usr/lib/systemd/system"]

    /// The file of `name`, or of its template (`serial-getty@.service` for `serial-getty@ttyGS0.service`).
    package func unitFile(_ name: String, among files: [Target: Settings.FileCopy] = [:]) -> UnitFile? {
        for name in [name, Self.unitTemplate(name)].compactMap({ $0 }) {
            for path in Self.unitFolders.compactMap({ $0.appending(name) }) {
                if case .file(let bytes)? = files[Target(.root, path)]?.content {
                    return UnitFile(path: path, text: TextBytes.decode(bytes))
                }
                guard !isMask(path), let text = text(.root, path) else { continue }
                return UnitFile(path: path, text: text)
            }
        }
        return nil
    }

    func isMask(_ path: VolumePath) -> Bool { linkText(path) == "/dev/null" }

    func isMasked(_ unit: String) -> Bool { Self.systemdPath.appending(unit).map(isMask) ?? false }

    static func unitTemplate(_ name: String) -> String? {
        guard let at = name.firstIndex(of: "@"), let dot = name.lastIndex(of: "."), at < dot else { return nil }
        let afterAt = name.index(after: at)
        return afterAt == dot ? nil : String(name[..<afterAt] + name[dot...])
    }

    /// Where a link lies that makes `name` start with the target of `folder`; nil for a name with a slash.
    static func link(of name: String, in folder: String) -> VolumePath? {
        systemdPath.appending(folder)?.appending(name)
    }

    /// All links below /etc/systemd/system that make `name` start.
    package func enablingLinks(of name: String) -> [VolumePath] {
        listings.keys.sorted().compactMap { folder in
            guard let folderName = folder.name, folderName.hasSuffix(".wants") || folderName.hasSuffix(".requires"),
                folder.parent == Self.systemdPath, listings[folder]?.contains(name) == true
            else { return nil }
            return folder.appending(name)
        }
    }
}
