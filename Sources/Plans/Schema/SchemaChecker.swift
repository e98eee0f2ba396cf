/// Walks a profile's nodes along the table of keys: keeps what is right, collects all that is wrong.
struct SchemaChecker {
    private(set) var problems: [ProfileProblem] = []

    mutating func report(_ position: ProfilePosition, _ message: String, hint: String? = nil) {
        problems.append(ProfileProblem(position, message, hint: hint))
    }

    mutating func report(_ other: [ProfileProblem]) { problems += other }

    /// The node without what is wrong in it; nil when nothing of it can be used. `name` is the key, for messages.
    mutating func check(_ node: ProfileNode, _ type: SchemaType, name: String, example: String) -> ProfileNode? {
        switch type {
        case .boolean: return checkBoolean(node, name: name)
        case .integer(let range): return checkInteger(node, range, name: name)
        case .text(let format): return checkText(node, format, name: name, example: example)
        case .list(let element):
            guard case .list(let items) = node.content else {
                report(
                    node.position, "`\(name)` takes a list, not \(node.summary)",
                    hint: "\(name): \(node.text.map { node.isNull ? example : "[\($0.shortened)]" } ?? example)")
                return nil
            }
            var result = node
            result.content = .list(items.compactMap { check($0, element, name: name, example: example) })
            return result
        case .textOrList(let format):
            if case .list(let items) = node.content {
                if items.isEmpty { report(node.position, "`\(name)` is an empty list", hint: "\(name): \(example)") }
                return check(node, .list(.text(format)), name: name, example: example)
            }
            return checkText(node, format, name: name, example: example)
        case .object(let keys): return checkObject(node, keys, name: name)
        case .objectOrFirst(let keys):
            if case .scalar = node.content, !node.isNull, let first = keys.first {
                let value = ProfileNode.Pair(key: first.name, position: node.position, value: node)
                return checkObject(ProfileNode(position: node.position, content: .map([value])), keys, name: name)
            }
            return checkObject(node, keys, name: name)
        case .booleanOr(let keys):
            if case .map = node.content { return checkObject(node, keys, name: name) }
            return checkBoolean(node, name: name)
        case .map(let key, let value): return checkMap(node, key, value, name: name, example: example)
        case .config: return checkConfig(node)
        case .json:
            if case .map = node.content { return node }
            report(node.position, "`\(name)` takes a mapping, not \(node.summary)", hint: "\(name): \(example)")
            return nil
        }
    }

    private mutating func checkBoolean(_ node: ProfileNode, name: String) -> ProfileNode? {
        if case .scalar("true", true) = node.content { return node }
        if case .scalar("false", true) = node.content { return node }
        let word = node.text?.lowercased() ?? ""
        let hint: String? =
            if ["yes", "on", "y", "1", "true"].contains(word) {
                "\(name): true"
            } else if ["no", "off", "n", "0", "false"].contains(word) {
                "\(name): false"
            } else {
                nil
            }
        report(node.position, "`\(name)` takes true or false, not \(node.summary)", hint: hint)
        return nil
    }

    private mutating func checkInteger(_ node: ProfileNode, _ range: ClosedRange<Int>, name: String) -> ProfileNode? {
        let bounds =
            range.count == 1 ? "\(range.lowerBound)" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = node.text, let number = Int(text), String(number) == text else {
            report(node.position, "`\(name)` takes \(bounds), not \(node.summary)")
            return nil
        }
        guard case .scalar(_, true) = node.content else {
            report(node.position, "`\(name)` takes \(bounds), not a text", hint: "\(name): \(number)")
            return nil
        }
        guard range.contains(number) else {
            report(node.position, "`\(name)` takes \(bounds), not \(number)")
            return nil
        }
        return node
    }

    private mutating func checkText(
        _ node: ProfileNode, _ format: TextFormat, name: String, example: String
    ) -> ProfileNode? {
        guard let text = node.text else {
            report(node.position, "`\(name)` takes one text, not \(node.summary)", hint: "\(name): \(example)")
            return nil
        }
        guard !node.isNull else {
            report(
                node.position, "`\(name)` has no value",
                hint: text.isEmpty
                    ? "\(name): \(example), or take the key out" : "quote it if it is the text \"\(text)\"")
            return nil
        }
        do {
            try format.check(text)
            return node
        } catch {
            problems.append(ProfileProblem(node.position, error))
            return nil
        }
    }

    /// Checks a mapping against its keys; `name` is what messages call it.
    mutating func checkObject(_ node: ProfileNode, _ keys: [SchemaKey], name: String) -> ProfileNode? {
        guard case .map(let pairs) = node.content else {
            let names = keys.prefix(3).map { "\($0.name): …" }.joined(separator: ", ")
            report(node.position, "`\(name)` takes a mapping, not \(node.summary)", hint: "\(name): {\(names)}")
            return nil
        }
        var kept: [ProfileNode.Pair] = []
        for pair in pairs {
            guard let key = keys.first(where: { $0.name == pair.key }) else {
                reportUnknown(pair, keys: keys.map(\.name), name: name)
                continue
            }
            if let value = check(pair.value, key.type, name: key.name, example: key.example) {
                kept.append(.init(key: pair.key, position: pair.position, value: value))
            }
        }
        for key in keys where key.isRequired && !pairs.contains(where: { $0.key == key.name }) {
            report(node.position, "`\(name)` needs the key `\(key.name)`", hint: "\(key.name): \(key.example)")
        }
        checkAlternatives(node, keys, name: name)
        var result = node
        result.content = .map(kept)
        return result
    }

    private mutating func checkAlternatives(_ node: ProfileNode, _ keys: [SchemaKey], name: String) {
        let alternatives = keys.filter(\.isAlternative)
        let given = alternatives.filter { node[$0.name] != nil }
        guard given.count != 1, let first = alternatives.first else { return }
        func list(_ keys: [SchemaKey], _ word: String) -> String {
            keys.map { "`\($0.name)`" }.joined(separator: " \(word) ")
        }
        report(
            node.position,
            given.isEmpty
                ? "`\(name)` needs one of the keys \(list(alternatives, "or"))"
                : "`\(name)` has \(list(given, "and")), and takes one of them", hint: "\(first.name): \(first.example)")
    }

    /// Says that a mapping has no such key, and which was meant or where it belongs.
    mutating func reportUnknown(_ pair: ProfileNode.Pair, keys: [String], name: String) {
        var hint = SchemaSuggestion.nearest(to: pair.key, in: keys).map { "did you mean `\($0)`?" }
        if hint == nil { hint = Self.home(of: pair.key).map { "`\(pair.key)` belongs \($0)" } }
        hint = hint ?? SchemaSuggestion.hint(for: pair.key, in: keys)
        report(pair.position, "unknown key `\(pair.key.shortened)` in `\(name)`", hint: hint)
    }

    /// Where a key that stands in the wrong mapping belongs.
    private static func home(of word: String) -> String? {
        if word == "defaults" || word == "slots" { return "at the top of the profile" }
        if Schema.profileKeys.contains(where: { $0.name == word }) { return "at the top of the profile" }
        if let key = Schema.settingsKeys.first(where: { $0.name == word }) {
            return !key.scope.contains(.defaults) ? "in a slot" : "in `defaults` or a slot"
        }
        let parent = Schema.settingsKeys.first { key in
            key.type.innerKeys.contains { $0.name == word }
        }
        return parent.map { "in `\($0.name)`" }
    }

    private mutating func checkMap(
        _ node: ProfileNode, _ keyFormat: TextFormat, _ type: SchemaType, name: String, example: String
    ) -> ProfileNode? {
        guard case .map(let pairs) = node.content else {
            report(node.position, "`\(name)` takes a mapping, not \(node.summary)", hint: "\(name): \(example)")
            return nil
        }
        var kept: [ProfileNode.Pair] = []
        for pair in pairs {
            do {
                try keyFormat.check(pair.key)
            } catch {
                problems.append(ProfileProblem(pair.position, error))
                continue
            }
            if let value = check(pair.value, type, name: pair.key, example: "[…]") {
                kept.append(.init(key: pair.key, position: pair.position, value: value))
            }
        }
        var result = node
        result.content = .map(kept)
        return result
    }
}
