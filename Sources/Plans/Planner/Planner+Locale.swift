import Trees

/// Time zone, locale, keyboard.
extension Planner {
    mutating func planLocale() throws(PlanError) {
        try planTimeZone()
        try planLanguage()
        if let keyboard = settings.keyboard {
            var rules: [TextRule] = [.setVariable("XKBLAYOUT", "\"\(keyboard.layout)\"")]
            if let model = keyboard.model { rules.append(.setVariable("XKBMODEL", "\"\(model)\"")) }
            // A variant belongs to its layout, so one that is not named is none.
            rules.append(.setVariable("XKBVARIANT", "\"\(keyboard.variant ?? "")\""))
            if let options = keyboard.options { rules.append(.setVariable("XKBOPTIONS", "\"\(options)\"")) }
            try rewrite("/etc/default/keyboard", rules, missing: 0o644, reason: "keyboard \(keyboard.layout)")
        }
    }

    private mutating func planTimeZone() throws(PlanError) {
        guard let zone = settings.timeZone else { return }
        let file = "/usr/share/zoneinfo/\(zone)"
        guard let path = VolumePath(file), facts.found(.root, path)?.kind == .file else { throw .noTimeZone(zone) }
        try put("/etc/localtime", .symlink(file), .init(mode: 0o777), reason: "time zone \(zone)")
        try put("/etc/timezone", text: zone + "\n", reason: "time zone \(zone)")
    }

    /// A locale that the image has not generated is set all the same: `locale-gen` on the running system makes it, and
    /// until then programs fall back to C.
    private mutating func planLanguage() throws(PlanError) {
        guard let locale = settings.locale else { return }
        let reason = "locale \(locale)"
        try rewrite(
            "/etc/default/locale", [.setVariable("LANG", locale), .removeVariable("LC_ALL")], missing: 0o644,
            reason: reason)
        let isBuiltIn = locale == "C" || locale == "POSIX" || locale.hasPrefix("C.")
        if !isBuiltIn {
            let rest = locale.firstIndex(of: ".").map { locale[locale.index(after: $0)...] } ?? "ISO-8859-1"
            let codeset = rest.prefix(while: { $0 != "@" })
            try rewrite(
                "/etc/locale.gen", [.setActive("\(locale) \(codeset)", true, whenMissing: .append)], missing: 0o644,
                reason: reason)
        }
        if facts.hasLocale == false {
            warn("the image has not generated the locale \(locale): run `sudo locale-gen` once on \(slot)")
        }
    }
}
