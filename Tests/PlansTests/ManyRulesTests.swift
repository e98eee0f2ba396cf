import TestSupport
import Testing

@testable import Plans

/// Thousands of settings of one kind: the indexed editors do what a plain scan of all lines does, only sooner.
struct ManyRulesTests {
    private static let fragments = [
        "a=1", "a=2", "b=1", "dtoverlay=x", "dtoverlay=y", "initramfs z", "[all]", "[pi0]", "[pi4]", "[gpio4=1]",
        "#a=1",
        "# x", "",
    ]

    @Test(arguments: 0..<400) func configTextsAgreeWithAScan(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = generator.text(of: Self.fragments)
        let rules = (0..<12).map { _ in Self.configRule(&generator) }
        let expected = rules.reduce(text) { text, rule in Self.scanned(text, rule) }
        #expect(try rules.applied(to: text) == expected)
        #expect(try rules.reduce(text) { try $1.applied(to: $0) } == expected)
    }

    private static func configRule(_ generator: inout SeededGenerator) -> TextRule {
        let section = ["all", "all", "pi0", "pi4", "gpio4=1"].randomElement(using: &generator) ?? "all"
        let key = ["a", "b", "dtoverlay", "initramfs"].randomElement(using: &generator) ?? "a"
        if Int.random(in: 0..<4, using: &generator) == 0 {
            return .removeConfigKey(section: Bool.random(using: &generator) ? section : nil, key: key)
        }
        let value = ["1", "2", "x", "z"].randomElement(using: &generator) ?? "1"
        return .setConfigKey(
            section: section, key: key, value: value,
            overriding: section == "all" && Bool.random(using: &generator))
    }

    /// The rule, with the lines parsed anew before every step.
    private static func scanned(_ text: String, _ rule: TextRule) -> String {
        var config = ConfigText(text)
        switch rule {
        case .removeConfigKey(let section, let key):
            let filter = section.map { ConfigFilter.all.entering($0) }
            remove(from: &config) { $0.key == key && (filter == nil || $0.filter == filter) }
        case .setConfigKey(let section, let key, let value, let overriding):
            set(key, value, section, overriding, in: &config)
        default: break
        }
        return config.text
    }

    private static func entries(_ config: ConfigText) -> [(
        index: Int, key: String, value: String, filter: ConfigFilter
    )] {
        config.parsed().enumerated().compactMap { index, line in
            guard case .entry(let key, let value) = line.line else { return nil }
            return (index, key, value, line.filter)
        }
    }

    private static func remove(
        from config: inout ConfigText, where isMeant: ((key: String, filter: ConfigFilter)) -> Bool
    ) {
        for entry in entries(config).reversed() where isMeant((entry.key, entry.filter)) {
            config.lines.lines.remove(at: entry.index)
        }
    }

    private static func set(
        _ key: String, _ value: String, _ section: String, _ overriding: Bool, in config: inout ConfigText
    ) {
        let filter = ConfigFilter.all.entering(section)
        let active = entries(config).filter { $0.key == key }
        let own = active.filter { $0.filter == filter }
        if ConfigText.accumulates(key) {
            if own.contains(where: { $0.value == value }) { return }
        } else if let last = own.last, !overriding || active.last?.index == last.index {
            if last.value != value { config.lines.lines[last.index].text = ConfigText.line(key: key, value: value) }
            return
        } else {
            remove(from: &config) { $0.key == key && $0.filter == filter }
        }
        add(ConfigText.line(key: key, value: value), section, filter, to: &config)
    }

    private static func add(_ line: String, _ section: String, _ filter: ConfigFilter, to config: inout ConfigText) {
        func endInAll() {
            if let last = config.parsed().last, !last.filter.isAll { config.lines.append("[all]") }
        }
        if filter.isAll {
            endInAll()
            config.lines.append(line)
            return
        }
        if let block = config.parsed().lastIndex(where: { $0.filter == filter && $0.line != .other }) {
            config.lines.insert(line, at: block + 1)
        } else {
            endInAll()
            config.lines.append("[\(section)]")
            config.lines.append(line)
        }
        endInAll()
    }

    // MARK: hosts

    @Test(arguments: 0..<400) func hostsTextsAgreeWithAScan(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let addresses = ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2", "127.0.0.1", "::1"]
        let names = ["a", "b", "c", "a.lan", "localhost"]
        let text = generator.text(of: addresses + names + names + ["# x"])
        let rules = (0..<8).map { _ in
            TextRule.addHostNames(
                address: addresses.randomElement(using: &generator) ?? "",
                names: Array(names.shuffled(using: &generator).prefix(Int.random(in: 1...3, using: &generator))))
        }
        let expected = rules.reduce(text) { text, rule in
            guard case .addHostNames(let address, let names) = rule else { return text }
            return Self.scanned(text, names, address)
        }
        #expect(try rules.applied(to: text) == expected)
        #expect(try rules.reduce(text) { try $1.applied(to: $0) } == expected)
    }

    private static func scanned(_ text: String, _ names: [String], _ address: String) -> String {
        var lines = TextLines(text)
        for index in lines.lines.indices.reversed() {
            guard let other = TextRule.host(lines.lines[index].text), other.address != address,
                !TextRule.isLoopback(other.address), other.address.contains(":") == address.contains(":")
            else { continue }
            let rest = other.names.filter { !names.contains($0) }
            if rest.isEmpty, !other.names.isEmpty {
                lines.lines.remove(at: index)
            } else if rest != other.names {
                lines.lines[index].text = other.address + "\t" + rest.joined(separator: " ")
            }
        }
        let own = lines.lines.indices.filter { TextRule.host(lines.lines[$0].text)?.address == address }
        let present = own.flatMap { TextRule.host(lines.lines[$0].text)?.names ?? [] }
        let missing = names.filter { !present.contains($0) }
        if missing.isEmpty { return lines.text }
        if let first = own.first {
            let all = (TextRule.host(lines.lines[first].text)?.names ?? []) + missing
            lines.lines[first].text = address + "\t" + all.joined(separator: " ")
        } else {
            lines.append(address + "\t" + missing.joined(separator: " "))
        }
        return lines.text
    }

    // MARK: Profiles

    /// What took minutes when every key scanned all others.
    @Test(.mustEnd) func aProfileMayHaveThousandsOfValues() throws {
        let count = 5000
        let keys = (0..<count).map { "k\($0): 1" }.joined(separator: ", ")
        let overlays = (0..<count).map { "o\($0)" }.joined(separator: ", ")
        let hosts = (0..<count).map { "\"10.\($0 / 250).\($0 % 250).1\": [h\($0)]" }.joined(separator: ", ")
        let arguments = (0..<count).map { "console=tty\($0)" }.joined(separator: ", ")
        let settings = """
            defaults:
              config: {\(keys), pi0: {\(keys), dtoverlay: [\(overlays)]}}
              hosts: {\(hosts)}
            slots: {p1: {}, p2: {kernel_arguments: {set: [\(arguments)], remove: [\(arguments)]}}}
            """
        let text = Fixture.text(settings)
        #expect(Fixture.problems(text).count == count)
        let right = text.split(separator: "remove: ")[0] + "remove: []}}}"
        let profile = try Profile.load(text: String(right), name: "p.yaml")
        let image = try PlannerFixture(.bookworm)
        try image.build(.node(1), try profile.settings(for: .node(1)))
        let config = try #require(try image.text("boot:/config.txt")).split(separator: "\n")
        #expect(config.count { $0.hasPrefix("k") } == 2 * count)
        #expect(config.count { $0.hasPrefix("dtoverlay=o") } == count)
        let lines = try #require(try image.text("/etc/hosts")).split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("10.") } == count)
        let error = #expect(throws: PlanError.self) {
            try image.plan(.node(2), try profile.settings(for: .node(2)))
        }
        guard case .edit(.rule(_, .commandLineTooLong))? = error else {
            Issue.record("not refused for its length: \(String(describing: error))")
            return
        }
    }

    @Test(.mustEnd) func everySlotOfACluster() throws {
        let hosts = (1...252).map { "\"10.0.0.\($0)\": [h\($0)]" }.joined(separator: ", ")
        let slots = (1...252).map { "p\($0): {hostname: n\($0)}" }.joined(separator: ", ")
        let profile = try Fixture.load("defaults: {hosts: {\(hosts)}}\nslots: {\(slots)}")
        let image = try PlannerFixture(.bookworm)
        for (slot, settings) in try profile.settings(for: profile.slots).prefix(25) {
            let plan = try image.plan(slot, settings)
            guard case .rewrite(let rules, _)? = plan.edits.first(where: { $0.target == .root("/etc/hosts") })?.action
            else {
                Issue.record("\(slot) has no hosts")
                continue
            }
            #expect(rules.count == 253)
        }
    }

    /// Keys are looked for by type and blob, whatever stands around them.
    @Test(.mustEnd) func manyKeys() throws {
        let rules = (0..<5000).map { TextRule.ensureAuthorizedKey("ssh-ed25519 AAAA\($0) a@b") }
        let text = try rules.applied(to: "no-pty ssh-ed25519 AAAA7 x\n")
        #expect(text.split(separator: "\n").count == 5000)
        #expect(text.hasPrefix("no-pty ssh-ed25519 AAAA7 x\nssh-ed25519 AAAA0 a@b\n"))
        #expect(try rules.applied(to: text) == text)
    }
}
