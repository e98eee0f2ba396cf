/// A text of the user's with words such as `${hostname}` in it, which each slot has a value for.
struct FileTemplate {
    /// Larger files are hardly texts that somebody wrote.
    static let byteLimit = 1 << 20

    private let values: [String: String]
    private let nodes: [String]

    init(slot: Slot, roster: Roster) {
        let machine = roster.machines.first { $0.slot == slot }
        let number = if case .node(let number) = slot { number } else { 0 }
        values = [
            "slot": slot.name, "number": String(number), "cluster": roster.cluster,
            "hostname": machine?.hostname ?? slot.name,
            "address": machine.map { $0.addressInside ?? $0.address } ?? slot.fallbackAddress ?? slot.name,
        ]
        nodes = roster.machines.filter(\.slot.isNode).map(\.hostname)
    }

    /// As `expanded(_:)` for a file's bytes, which must be a text of UTF-8.
    func expanded(_ bytes: [UInt8]) throws(Refusal) -> [UInt8] {
        guard bytes.count <= Self.byteLimit else {
            throw Refusal("a template has at most \(Self.byteLimit) bytes, and this has \(bytes.count)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Refusal("a template is a text of UTF-8, and this is none")
        }
        return Array(try expanded(text).utf8)
    }

    /// The text with its words replaced; `$${` stands for `${`.
    func expanded(_ text: String) throws(Refusal) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else {
                    throw Refusal("a `${` has no `}` after it", hint: "write `$${` for the characters themselves")
                }
                result += try value(of: rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    private func value(of word: Substring) throws(Refusal) -> String {
        let name = String(word)
        if let value = values[name] { return value }
        if name == "nodes" { return nodes.joined(separator: " ") }
        if name.hasPrefix("nodes:") {
            let separator = String(name.dropFirst(6)).replacing("\\n", with: "\n").replacing("\\t", with: "\t")
            return nodes.joined(separator: separator)
        }
        let known = (values.keys.sorted() + ["nodes"]).map { "${\($0)}" }.joined(separator: ", ")
        throw Refusal("`${\(name.shortened)}` has no value", hint: "there are \(known); write `$${` for the characters")
    }
}
