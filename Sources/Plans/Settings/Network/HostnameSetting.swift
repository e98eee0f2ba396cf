import Trees

/// The host name: /etc/hostname, and the host's own line in /etc/hosts.
enum HostnameSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "hostname", .text(.hostname), "Name of the machine; without it the slot's name.", example: "oneil",
            scope: [.slot, .flag],
            option: .init("The host name instead of the profile's; for one slot.", valueName: "name"))
    ]

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard let entry = layer.entry(name), let hostname = entry.value.text else { return [] }
        do {
            try Validation.hostname(hostname, for: slot)
            return []
        } catch {
            return [ProfileProblem(entry.position, error)]
        }
    }

    /// After the conversion, so that the profile's name is what stays.
    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let hostname = planner.hostname else { return try planOthers(&planner) }
        let reason = "hostname \(hostname)"
        try planner.put("/etc/hostname", text: hostname + "\n", reason: reason)
        let hosts = try HostsSetting.lines(planner.settings.hosts)
        let full = planner.settings.domain.map { "\(hostname).\($0)" }
        let slot = planner.slot.isPlain ? nil : planner.slot.name
        let names = [full, hostname, slot].compactMap { $0 } + hosts.own
        let own = TextRule.setHostNames(address: HostsSetting.ownAddress, names: names.unique)
        try planner.rewrite("/etc/hosts", [own] + hosts.rules, missing: 0o644, reason: reason)
    }

    /// The machine keeps the name that it has.
    private static func planOthers(_ planner: inout Planner) throws(PlanError) {
        let hosts = try HostsSetting.lines(planner.settings.hosts)
        guard !hosts.rules.isEmpty else { return }
        try planner.rewrite("/etc/hosts", hosts.rules, missing: 0o644, reason: "names of other machines")
    }
}

extension Planner {
    /// What the machine will be called; nil leaves the image's own name.
    var hostname: String? { settings.hostname ?? (slot == .anyPlain ? nil : slot.name) }
}

/// The cluster's DNS domain; with it the host's own line reads `127.0.1.1 tealc.chappa.ai tealc p3`.
enum DomainSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "domain", .text(.domain), "DNS domain of the cluster, for the line of the host in /etc/hosts.",
            example: "chappa.ai", scope: [.profile, .flag])
    ]

    static let template = """

        # DNS domain, for the line of each host in /etc/hosts.
        # domain: home.arpa
        """
}

extension Settings {
    /// Nil: the slot's own name (`p3`, `cnat`, `nas`), or for `plain` that of the image.
    package var hostname: String? {
        get { self[HostnameSetting.self] }
        set { self[HostnameSetting.self] = newValue }
    }

    package var domain: String? {
        get { self[DomainSetting.self] }
        set { self[DomainSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let hostname = TextFormat("host name", pattern: labelPattern) { text throws(Refusal) in
        try Validation.hostname(text)
    }
    static let domain = TextFormat("domain", pattern: labelsPattern, check: Validation.domain)
}

extension Validation {
    /// A host name of one label: RFC 1123 section 2.1 (letters, digits, hyphen, 1...63), in lower case, not a number.
    package static func hostname(_ name: String) throws(Refusal) {
        try label(name, what: "host name")
        guard name != "localhost" else { throw Refusal("`localhost` is the name of every machine", hint: "oneil") }
        guard !name.utf8.allSatisfy(isDigit) else {
            throw Refusal(
                "the host name \"\(name)\" is a number, which programs take for an address", hint: "node\(name)")
        }
    }

    /// A slot's host name: as `hostname`, and not the name of another slot.
    package static func hostname(_ name: String, for slot: Slot) throws(Refusal) {
        try hostname(name)
        if let other = Slot(name), other != slot {
            throw Refusal("`\(name)` is the name of another slot than \(slot)", hint: "a name of its own, or none")
        }
    }

    /// A DNS domain such as `chappa.ai`: labels as in a host name, at most 253 characters, no dot at the end.
    package static func domain(_ name: String) throws(Refusal) { try labels(of: name, what: "domain") }
}
