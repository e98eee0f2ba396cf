/// Turns a profile's text into nodes: libyaml parses, this bounds, places and checks what libyaml leaves open.
struct ProfileComposer {
    /// Levels of lists and mappings; a profile needs six.
    static let depthLimit = 32
    /// Nodes after every alias is replaced by what it stands for.
    static let nodeLimit = 100_000

    /// A node, and what an alias to it would add.
    private struct Composed {
        var node: ProfileNode
        /// Nodes in it, itself included.
        var count = 1
        /// Levels below it.
        var height = 0
    }

    private let text: ProfileText
    private let events: YAMLEvents
    private var problems: [ProfileProblem] = []
    private var nodeCount = 0
    private var anchors: [String: Composed] = [:]

    /// The root mapping, nil when the text has no node at all, and what is wrong so far.
    static func compose(
        _ bytes: [UInt8], name: String
    ) throws(ProfileErrors) -> (root: ProfileNode?, problems: [ProfileProblem]) {
        let text = try ProfileText(bytes, name: name)
        guard let events = YAMLEvents(text.utf8) else {
            throw ProfileErrors([
                ProfileProblem(ProfilePosition(file: name, line: 1, column: 1), "could not be read: out of memory")
            ])
        }
        var composer = ProfileComposer(text: text, events: events)
        return (try composer.document(), composer.problems)
    }

    private init(text: ProfileText, events: YAMLEvents) {
        self.text = text
        self.events = events
    }

    private func position(_ line: Int, _ column: Int) -> ProfilePosition {
        ProfilePosition(file: text.name, line: line, column: column)
    }

    private func position(_ event: YAMLEvent) -> ProfilePosition { position(event.line, event.column) }
}

// MARK: - Nodes

extension ProfileComposer {
    /// The one document of the text.
    private mutating func document() throws(ProfileErrors) -> ProfileNode? {
        var root: ProfileNode?
        while true {
            let event = try next()
            switch event.kind {
            case .streamEnd: return root
            case .documentStart where root != nil:
                throw failure(
                    event, "a second document begins here; a profile is one document",
                    hint: "take the `---` line out, or split the file")
            case .documentStart: root = try node(from: next(), depth: 0).node
            default: break
            }
        }
    }

    private mutating func node(from event: YAMLEvent, depth: Int) throws(ProfileErrors) -> Composed {
        if case .alias(let name) = event.kind { return try alias(name, at: event, depth: depth) }
        try count(1, height: depth, at: event)
        checkTag(event)
        var composed = Composed(node: ProfileNode(position: position(event), content: .list([])))
        switch event.kind {
        case .scalar(let text, let isPlain): composed.node.content = .scalar(text, isPlain: isPlain)
        case .mapStart: try readMap(into: &composed, depth: depth)
        default: try readList(into: &composed, depth: depth)
        }
        if let name = event.anchor { anchors[name] = composed }
        return composed
    }

    private mutating func alias(_ name: String, at event: YAMLEvent, depth: Int) throws(ProfileErrors) -> Composed {
        guard let composed = anchors[name] else {
            throw failure(
                event, "the alias `*\(name.shortened)` stands for nothing",
                hint: "put `&\(name.shortened)` before the value that it shall repeat")
        }
        try count(composed.count, height: depth + composed.height, at: event)
        return composed
    }

    private mutating func count(_ nodes: Int, height: Int, at event: YAMLEvent) throws(ProfileErrors) {
        nodeCount += nodes
        guard nodeCount <= Self.nodeLimit else {
            throw failure(
                event, "the profile has more than \(Self.nodeLimit) values once its aliases are written out")
        }
        guard height <= Self.depthLimit else {
            throw failure(event, "lists and mappings are nested more than \(Self.depthLimit) levels deep")
        }
    }

    private mutating func readList(into list: inout Composed, depth: Int) throws(ProfileErrors) {
        var items: [ProfileNode] = []
        while true {
            let event = try next()
            if case .end = event.kind { break }
            items.append(try child(of: &list, from: event, depth: depth))
        }
        list.node.content = .list(items)
    }

    private mutating func child(
        of parent: inout Composed, from event: YAMLEvent, depth: Int
    ) throws(ProfileErrors) -> ProfileNode {
        let child = try node(from: event, depth: depth + 1)
        parent.count += child.count
        parent.height = max(parent.height, child.height + 1)
        return child.node
    }

    private mutating func readMap(into map: inout Composed, depth: Int) throws(ProfileErrors) {
        var own: [ProfileNode.Pair] = []
        var merged: [ProfileNode.Pair] = []
        var first: [String: ProfilePosition] = [:]
        while true {
            let event = try next()
            if case .end = event.kind { break }
            let key = try child(of: &map, from: event, depth: depth)
            let value = try child(of: &map, from: next(), depth: depth)
            let place = position(event)
            guard case .scalar(let word, let isPlain) = key.content else {
                problems.append(ProfileProblem(place, "a key must be a word, not a list or mapping"))
                continue
            }
            if word == "<<", isPlain {
                merged += pairsToMerge(value)
                continue
            }
            if let earlier = first[word] {
                problems.append(
                    ProfileProblem(
                        place, "`\(word.shortened)` is given twice, first in line \(earlier.line)",
                        hint: "take one of them out"))
                continue
            }
            first[word] = place
            own.append(ProfileNode.Pair(key: word, position: place, value: value))
        }
        for pair in merged where first[pair.key] == nil {
            first[pair.key] = pair.position
            own.append(pair)
        }
        map.node.content = .map(own)
    }

    /// What `<<: *alias` or `<<: [*one, *two]` brings in; the earlier mapping of a list wins.
    private mutating func pairsToMerge(_ value: ProfileNode) -> [ProfileNode.Pair] {
        switch value.content {
        case .map(let pairs): return pairs
        case .list(let items) where items.allSatisfy({ if case .map = $0.content { true } else { false } }):
            return items.flatMap(\.pairs)
        default:
            problems.append(
                ProfileProblem(value.position, "`<<` takes a mapping, not \(value.summary)", hint: "<<: *name"))
            return []
        }
    }

    private mutating func checkTag(_ event: YAMLEvent) {
        let allowed = ["", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"]
        guard let tag = event.tag, !allowed.contains(tag) else { return }
        let word = tag.hasPrefix("tag:yaml.org,2002:") ? "!!" + tag.dropFirst(18) : tag
        problems.append(
            ProfileProblem(
                position(event), "the tag `\(word.shortened)` has no meaning here", hint: "take the tag out"))
    }
}

// MARK: - What the parser refuses

extension ProfileComposer {
    private mutating func next() throws(ProfileErrors) -> YAMLEvent {
        do throws(YAMLFault) {
            return try events.next()
        } catch {
            throw ProfileErrors([problem(error)])
        }
    }

    /// What ends the reading, with all that was found before.
    private func failure(_ event: YAMLEvent, _ message: String, hint: String? = nil) -> ProfileErrors {
        ProfileErrors(problems + [ProfileProblem(position(event), message, hint: hint)])
    }

    private func problem(_ fault: YAMLFault) -> ProfileProblem {
        let line = text.line(fault.line)
        let indent = line.prefix { $0 == " " || $0 == "\t" }
        if let tab = indent.firstIndex(of: "\t") {
            return ProfileProblem(
                position(fault.line, tab + 1), "a tab stands where YAML takes spaces", hint: "indent with two spaces")
        }
        let hint: String? =
            switch fault.reason {
            case let text where text.contains("mapping values are not allowed"):
                "quote a text that contains `: `, and check the indentation"
            case let text where text.contains("cannot start any token"):
                "quote a text that begins with `@`, `%`, a backtick or a tab"
            case let text where text.contains("unexpected end of stream") || text.contains("unexpected document"):
                "a quote or bracket was opened and not closed"
            case let text where text.contains("did not find expected"):
                "check the indentation, and brackets and quotes for their partner"
            case let text where text.contains("could not find expected ':'"):
                "write `key: value`, with a space after the colon"
            default: nil
            }
        let reason = fault.context.map { "\($0.text) (line \($0.line)): \(fault.reason)" } ?? fault.reason
        return ProfileProblem(position(fault.line, fault.column), "not valid YAML: \(reason)", hint: hint)
    }
}
