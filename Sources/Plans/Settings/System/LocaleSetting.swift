import Reports
import Trees

/// Language, country and character set: /etc/default/locale, and its line in /etc/locale.gen.
enum LocaleSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey("locale", .text(.locale), "Language, country and character set.", example: "en_GB.UTF-8")
    ]

    static let template = "# locale: en_GB.UTF-8"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard let locale = reader.settings.locale else { return }
        try reader.look(.root, ["/etc/default/locale", "/etc/locale.gen"])
        reader.facts.hasLocale = try reader.hasLocale(locale)
    }

    /// A locale that the image has not generated is set all the same: `locale-gen` on the running system makes it, and
    /// until then programs fall back to C.
    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let locale = planner.settings.locale else { return }
        let reason = "locale \(locale)"
        try planner.rewrite(
            "/etc/default/locale", [.setVariable("LANG", locale), .removeVariable("LC_ALL")], missing: 0o644,
            reason: reason)
        let isBuiltIn = locale == "C" || locale == "POSIX" || locale.hasPrefix("C.")
        if !isBuiltIn {
            let rest = locale.firstIndex(of: ".").map { locale[locale.index(after: $0)...] } ?? "ISO-8859-1"
            let codeset = rest.prefix(while: { $0 != "@" })
            try planner.rewrite(
                "/etc/locale.gen", [.setActive("\(locale) \(codeset)", true, whenMissing: .append)], missing: 0o644,
                reason: reason)
        }
        if planner.facts.hasLocale == false {
            planner.warn(
                "the image has not generated the locale \(locale): run `sudo locale-gen` once on \(planner.slot)")
        }
    }
}

extension Settings {
    /// Such as `en_GB.UTF-8`.
    package var locale: String? {
        get { self[LocaleSetting.self] }
        set { self[LocaleSetting.self] = newValue }
    }
}

extension FactsReader {
    /// glibc's archive of all locales of a desktop image has some ten MB.
    private static let archiveLimit: Int64 = 64 << 20

    /// Whether glibc has the locale generated, as a folder or in its archive, where the names stand as text.
    fileprivate func hasLocale(_ locale: String) throws(PlanError) -> Bool {
        let name = Self.archiveName(locale)
        if ["C", "POSIX"].contains(name) { return true }
        return try wrapping(as: { PlanError.unreadable(Target(.root, "/usr/lib/locale"), $0) }) {
            () throws(VolumeError) in
            for folder in [name, locale] {
                guard let path = VolumePath("/usr/lib/locale/\(folder)") else { continue }
                if try root.status(at: root.resolve(path))?.kind == .directory { return true }
            }
            let archive = try root.resolve("/usr/lib/locale/locale-archive")
            guard let status = try root.status(at: archive), status.kind == .file,
                status.byteCount <= Self.archiveLimit, let bytes = try root.fileBytes(at: archive)
            else { return false }
            return Self.contains(Array(name.utf8) + [0], in: bytes)
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

// MARK: - What is valid

extension TextFormat {
    static let locale = TextFormat(
        "locale", pattern: "^(C|POSIX|C\\.UTF-8|[a-z]{2,3}_[A-Z]{2}\\.UTF-8(@.+)?)$", check: Validation.locale)
}

extension Validation {
    /// A UTF-8 locale such as `en_GB.UTF-8`, `C.UTF-8`, or `C` and `POSIX`.
    package static func locale(_ name: String) throws(Refusal) {
        if ["C", "POSIX", "C.UTF-8"].contains(name) { return }
        let hint = "en_GB.UTF-8"
        try characters(name, of: "locale", others: "_.-@", hint: hint)
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let place = parts[0].split(separator: "_", omittingEmptySubsequences: false)
        guard place.count == 2, (2...3).contains(place[0].utf8.count), place[0].utf8.allSatisfy(isLower),
            place[1].utf8.count == 2, place[1].utf8.allSatisfy(isUpper)
        else { throw Refusal("\"\(name.shortened)\" is no locale: language_COUNTRY.UTF-8", hint: hint) }
        let charset = parts.count == 2 ? parts[1].prefix { $0 != "@" } : ""
        guard parts.count == 2, charset == "UTF-8" else {
            throw Refusal("the locale \"\(name.shortened)\" is not spelled as a UTF-8 one", hint: "\(parts[0]).UTF-8")
        }
    }
}
