extension TextRule {
    /// Address and names of a line of /etc/hosts, without its comment. A carriage return is a blank, as for glibc.
    static func host(_ line: String) -> (address: String, names: [String])? {
        let words = line.utf8.prefix { $0 != UInt8(ascii: "#") }
            .split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }.map { String(decoding: $0, as: UTF8.self) }
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
        lines.remove(matches.dropFirst())
        return lines.text
    }

    static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("ff0") || address.hasPrefix("fe0")
    }
}
