import Trees

extension FactsReader {
    private static let zones: VolumePath = "/usr/share/zoneinfo"
    /// glibc's archive of all locales of a desktop image has some ten MB.
    private static let archiveLimit: Int64 = 64 << 20

    mutating func readLocale(_ settings: Settings) throws(PlanError) {
        if let zone = settings.timeZone, let path = VolumePath("\(Self.zones)/\(zone)") {
            try look(.root, path, readingBytes: false)
        }
        if let locale = settings.locale { facts.hasLocale = try hasLocale(locale) }
    }

    /// Whether glibc has the locale generated, as a folder or in its archive, where the names stand as text.
    private func hasLocale(_ locale: String) throws(PlanError) -> Bool {
        let name = Self.archiveName(locale)
        if ["C", "POSIX"].contains(name) { return true }
        do throws(VolumeError) {
            for folder in [name, locale] {
                guard let path = VolumePath("/usr/lib/locale/\(folder)") else { continue }
                if try root.status(at: root.resolve(path))?.kind == .directory { return true }
            }
            let archive = try root.resolve("/usr/lib/locale/locale-archive")
            guard let status = try root.status(at: archive), status.kind == .file,
                status.byteCount <= Self.archiveLimit, case .file(let bytes)? = try root.node(at: archive)?.content
            else { return false }
            return Self.contains(Array(name.utf8) + [0], in: bytes)
        } catch {
            throw .unreadable(Target(.root, "/usr/lib/locale"), error)
        }
    }

    /// glibc writes the codeset of `en_GB.UTF-8` as `en_GB.utf8` (_nl_normalize_codeset).
    private static func archiveName(_ locale: String) -> String {
        guard let dot = locale.firstIndex(of: ".") else { return locale }
        let rest = locale[locale.index(after: dot)...]
        let codeset = rest.prefix(while: { $0 != "@" })
        let modifier = rest.dropFirst(codeset.count)
        return locale[...dot] + codeset.filter { $0.isLetter || $0.isNumber }.lowercased() + modifier
    }

    private static func contains(_ pattern: [UInt8], in bytes: [UInt8]) -> Bool {
        guard let first = pattern.first else { return true }
        var start = bytes.startIndex
        while let index = bytes[start...].firstIndex(of: first) {
            if bytes[index...].starts(with: pattern) { return true }
            start = index + 1
        }
        return false
    }
}
