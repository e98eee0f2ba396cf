/// Many changes of one /etc/hosts: lines are found by address and name, so that each change takes constant time.
struct HostsEditor {
    private struct Host {
        let address: String
        let names: [String]
        /// Names that another address got.
        var taken: Set<String> = []
        /// Names that are left, each counted once.
        var count: Int
        var isChanged: Bool

        init(_ address: String, _ names: [String], isChanged: Bool = false) {
            self.address = address
            self.names = names
            self.isChanged = isChanged
            count = Set(names).count
        }

        var remaining: [String] { taken.isEmpty ? names : names.filter { !taken.contains($0) } }
    }

    /// Nil for a line that is removed.
    private var lines: [TextLines.Line?]
    private var hosts: [Host?]
    private var byAddress: [String: [Int]] = [:]
    /// The lines of a name, those of loopback addresses left out.
    private var byName: [String: Set<Int>] = [:]
    /// No line before this one is left.
    private var first = 0

    init(_ text: String) {
        let all = TextLines(text).lines
        lines = all
        hosts = all.map { line in TextRule.host(line.text).map { Host($0.address, $0.names) } }
        for index in hosts.indices { enter(index) }
    }

    var text: String {
        var result = TextLines("")
        for (line, host) in zip(lines, hosts) {
            guard var line else { continue }
            if let host, host.isChanged { line.text = host.address + "\t" + host.remaining.joined(separator: " ") }
            result.lines.append(line)
        }
        return result.text
    }

    /// The address has at least these names, and no other address of its kind has them (loopback may).
    mutating func add(_ names: [String], to address: String) {
        for name in names {
            for index in byName[name] ?? [] { take(name, from: index, for: address) }
        }
        let own = (byAddress[address] ?? []).filter { lines[$0] != nil }
        let present = Set(own.flatMap { hosts[$0]?.remaining ?? [] })
        let missing = names.filter { !present.contains($0) }
        guard !missing.isEmpty else { return }
        guard let index = own.first, let host = hosts[index] else {
            return append(Host(address, missing, isChanged: true))
        }
        hosts[index] = Host(address, host.remaining + missing, isChanged: true)
        enter(missing, at: index)
    }

    private mutating func take(_ name: String, from index: Int, for address: String) {
        guard let other = hosts[index]?.address, other != address, other.contains(":") == address.contains(":")
        else { return }
        byName[name]?.remove(index)
        hosts[index]?.taken.insert(name)
        hosts[index]?.count -= 1
        hosts[index]?.isChanged = true
        if hosts[index]?.count == 0 {
            lines[index] = nil
            hosts[index] = nil
        }
    }

    /// As `TextLines.append`.
    private mutating func append(_ host: Host) {
        while first < lines.count, lines[first] == nil { first += 1 }
        let end = TextLines.lineEnd(after: first < lines.count ? lines[first]?.end : nil)
        if let last = lines.lastIndex(where: { $0 != nil }), let old = lines[last]?.end {
            lines[last]?.end = TextLines.completed(old, with: end)
        }
        lines.append(TextLines.Line(text: "", end: end))
        hosts.append(host)
        enter(hosts.count - 1)
    }

    // MARK: The index

    private mutating func enter(_ index: Int) {
        guard let host = hosts[index] else { return }
        byAddress[host.address, default: []].append(index)
        enter(host.names, at: index)
    }

    private mutating func enter(_ names: [String], at index: Int) {
        guard let host = hosts[index], !TextRule.isLoopback(host.address) else { return }
        for name in names { byName[name, default: []].insert(index) }
    }
}
