import Trees

/// The time zone: the link /etc/localtime, and its name in /etc/timezone.
enum TimeZoneSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey("time_zone", .text(.timeZone), "Time zone, as below /usr/share/zoneinfo.", example: "Europe/Berlin")
    ]

    static let template = """

        # time_zone: Europe/London
        """

    private static let zones = "/usr/share/zoneinfo"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard let zone = reader.settings.timeZone else { return }
        try reader.look(.root, ["/etc/localtime", "/etc/timezone"])
        if let path = VolumePath("\(zones)/\(zone)") { try reader.look(.root, path, readingBytes: false) }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let zone = planner.settings.timeZone else { return }
        let file = "\(zones)/\(zone)"
        guard let path = VolumePath(file), planner.facts.found(.root, path)?.kind == .file else {
            throw .noTimeZone(zone)
        }
        let reason = "time zone \(zone)"
        try planner.put("/etc/localtime", .symlink(file), .init(mode: 0o777), reason: reason)
        try planner.put("/etc/timezone", text: zone + "\n", reason: reason)
    }
}

extension Settings {
    /// A name below /usr/share/zoneinfo.
    package var timeZone: String? {
        get { self[TimeZoneSetting.self] }
        set { self[TimeZoneSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let timeZone = TextFormat(
        "time zone", pattern: "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}$", check: Validation.timeZone)
}

extension Validation {
    /// A name below /usr/share/zoneinfo: one to three parts; whether the image has it is the planner's question.
    package static func timeZone(_ name: String) throws(Refusal) {
        let hint = "Europe/Berlin, or UTC"
        try characters(name, of: "time zone", others: "/_+-", hint: hint)
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 3, parts.allSatisfy({ $0.utf8.first.map(isLetter) ?? false }) else {
            throw Refusal("\"\(name.shortened)\" is no name of a time zone", hint: hint)
        }
    }
}
