/// Which slots a command works on: `p3`, `p1-p4`, `cnat,p1`, `all`, or the host name of one.
package struct SlotSelection: Equatable, Sendable {
    /// In the order of `Slot`, each once.
    package let slots: [Slot]

    /// Which slots of a profile `all` means.
    package enum Kind: Sendable {
        case any
        case nodes
        case controllers

        func takes(_ slot: Slot) -> Bool {
            switch self {
            case .any: true
            case .nodes: slot.isNode
            case .controllers: slot.isController
            }
        }
    }

    /// Reads a selection; `all` means those of `available` that are of a kind. They are the slots of the profile, nil
    /// when there is none.
    ///
    /// A slot that the profile does not list is taken, too: it gets what the profile's `defaults` say. `hostNames` are
    /// those of the profile's slots.
    package init(
        _ text: String, available: [Slot]?, hostNames: [String: Slot] = [:], allMeans kind: Kind = .any
    ) throws(Refusal) {
        var chosen: Set<Slot> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = part.withoutBlanks
            guard !word.isEmpty else {
                throw Refusal("a slot is missing in \"\(text.shortened)\"", hint: "p1,p2")
            }
            if word == "all" {
                guard let available else {
                    throw Refusal(
                        "`all` means the slots of a profile, and there is none", hint: "p1-p4, or --profile FILE")
                }
                let slots = available.filter(kind.takes)
                guard !slots.isEmpty else {
                    throw Refusal(
                        "the profile lists no \(kind == .nodes ? "node" : kind == .controllers ? "controller" : "slot")",
                        hint: kind == .controllers ? "cnat: {}" : "p1: {}")
                }
                chosen.formUnion(slots)
            } else {
                chosen.formUnion(try Self.range(word, hostNames))
            }
        }
        slots = chosen.sorted()
    }

    private static func range(_ word: String, _ hostNames: [String: Slot]) throws(Refusal) -> [Slot] {
        // A host name may look like a range, and then is none: a slot's own name goes first.
        if Slot(word) == nil, let slot = hostNames[word.lowercased()] { return [slot] }
        let ends = word.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let named: [Slot]
        if ends.count == 2, let low = ends.first, let high = ends.last {
            guard case .node(let first) = try slot(low), case .node(let last) = try slot(high) else {
                throw Refusal("\"\(word.shortened)\" is no range of nodes", hint: "p1-p4")
            }
            guard first <= last else {
                throw Refusal("the range \(word) runs backwards", hint: "p\(last)-p\(first)")
            }
            named = (first...last).map { .node($0) }
        } else {
            named = [try slot(word, hostNames: hostNames)]
        }
        return named
    }

    /// The slot of that name; the refusal says what was probably meant.
    package static func slot(_ word: String, hostNames: [String: Slot] = [:]) throws(Refusal) -> Slot {
        if let slot = Slot(word) ?? hostNames[word.lowercased()] { return slot }
        let range = "p\(Slot.nodeRange.lowerBound) to p\(Slot.nodeRange.upperBound)"
        let lower = word.lowercased()
        if let slot = Slot(lower) { throw Refusal("a slot is written in lower case", hint: slot.name) }
        let digits = lower.hasPrefix("p") ? lower.dropFirst() : lower[...]
        if !digits.isEmpty, digits.utf8.allSatisfy(Validation.isDigit) {
            let plain = digits.drop { $0 == "0" }
            if let slot = Slot("p\(plain)") {
                throw Refusal("the slot \"\(word.shortened)\" is not written as p and a plain number", hint: slot.name)
            }
            throw Refusal("there is no slot \"\(word.shortened)\"", hint: "nodes are \(range)")
        }
        let near = SchemaSuggestion.nearest(to: lower, in: ["cnat", "cbridge", "plain"] + hostNames.keys.sorted())
        throw Refusal(
            "there is no slot \"\(word.shortened)\"", hint: near ?? "cnat, cbridge, plain, or \(range)")
    }
}
