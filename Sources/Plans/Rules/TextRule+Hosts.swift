extension TextRule {
    /// Address and names of a line of /etc/hosts, without its comment.
    private static func host(_ line: String) -> (address: String, names: [String])? {
        let words = line.prefix(while: { $0 != "#" }).words
        guard let address = words.first else { return nil }
        return (address, Array(words.dropFirst()))
    }

    static func setHostNames(_ names: [String], address: String, in text: String) -> String {
        var lines = TextLines(text)
        let matches = lines.lines.indices.filter { host(lines.lines[$0].text)?.address == address }
        let wanted = address + "\t" + names.joined(separator: " ")
        guard let first = matches.first else {
            let localhost = lines.lines.firstIndex { host($0.text)?.address == "127.0.0.1" }
            lines.insert(wanted, at: localhost.map { $0 + 1 } ?? lines.lines.count)
            return lines.text
        }
        if host(lines.lines[first].text)?.names != names { lines.lines[first].text = wanted }
        for index in matches.dropFirst().reversed() { lines.lines.remove(at: index) }
        return lines.text
    }

    static func addHostNames(_ names: [String], address: String, in text: String) -> String {
        var lines = TextLines(text)
        for index in lines.lines.indices.reversed() {
            guard let other = host(lines.lines[index].text), other.address != address, !isLoopback(other.address),
                other.address.contains(":") == address.contains(":")
            else { continue }
            let rest = other.names.filter { !names.contains($0) }
            if rest.isEmpty && !other.names.isEmpty {
                lines.lines.remove(at: index)
            } else if rest != other.names {
                lines.lines[index].text = other.address + "\t" + rest.joined(separator: " ")
            }
        }
        let matches = lines.lines.indices.filter { host(lines.lines[$0].text)?.address == address }
        let present = matches.flatMap { host(lines.lines[$0].text)?.names ?? [] }
        let missing = names.filter { !present.contains($0) }
        if missing.isEmpty { return lines.text }
        if let first = matches.first {
            let all = (host(lines.lines[first].text)?.names ?? []) + missing
            lines.lines[first].text = address + "\t" + all.joined(separator: " ")
        } else {
            lines.append(address + "\t" + missing.joined(separator: " "))
        }
        return lines.text
    }

    private static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("ff0") || address.hasPrefix("fe0")
    }
}
