import Yams

/// Turns a profile's text into nodes: Yams parses, this bounds, places and checks what Yams leaves open.
struct ProfileComposer {
    /// Levels of lists and mappings; a profile needs six.
    static let depthLimit = 32
    /// Nodes after every alias is replaced by what it stands for.
    static let nodeLimit = 100_000
    /// Keys given twice that are looked for before the rest of the profile is left unread.
    static let duplicateLimit = 16

    private let name: String
    private var problems: [ProfileProblem] = []
    private var nodeCount = 0
    private var isTooLarge = false
    /// What stands in the text for the first of two equal keys, so that the parser goes on.
    private var replaced: [String: String] = [:]

    private init(name: String) { self.name = name }

    /// The root mapping, nil when the text has no node at all, and what is wrong so far.
    static func compose(
        _ bytes: [UInt8], name: String
    ) throws(ProfileErrors) -> (root: ProfileNode?, problems: [ProfileProblem]) {
        var text = try ProfileText(bytes, name: name)
        var composer = ProfileComposer(name: name)
        while true {
            do {
                guard let node = try composer.parse(text) else { return (nil, []) }
                let root = composer.convert(node, depth: 0)
                if composer.isTooLarge { composer.keepForever(node) }
                guard let root else { throw ProfileErrors(composer.problems) }
                return (root, composer.problems)
            } catch let error as YamlError {
                guard composer.maskDuplicate(error, in: &text) else {
                    throw ProfileErrors([composer.problem(error, in: text)])
                }
            } catch let errors as ProfileErrors {
                throw errors
            } catch {
                throw ProfileErrors([ProfileProblem(composer.position(1, 1), "could not be read: \(error)")])
            }
        }
    }

    private func parse(_ text: ProfileText) throws -> Node? {
        try Yams.compose(yaml: text.string, .basic, .default, .utf8)
    }

    /// A tree nested through aliases can be too deep to be freed level by level on this stack.
    private func keepForever(_ node: Node) {
        final class Box {
            let node: Node
            init(_ node: Node) { self.node = node }
        }
        _ = Unmanaged.passRetained(Box(node))
    }

    private func position(_ line: Int, _ column: Int) -> ProfilePosition {
        ProfilePosition(file: name, line: line, column: column)
    }

    private func position(_ mark: Mark?) -> ProfilePosition { position(mark?.line ?? 1, mark?.column ?? 1) }
}

// MARK: - Nodes

extension ProfileComposer {
    private mutating func convert(_ node: Node, depth: Int) -> ProfileNode? {
        guard !isTooLarge else { return nil }
        nodeCount += 1
        guard nodeCount <= Self.nodeLimit else {
            return refuse(node, "the profile has more than \(Self.nodeLimit) values once its aliases are written out")
        }
        guard depth <= Self.depthLimit else {
            return refuse(node, "lists and mappings are nested more than \(Self.depthLimit) levels deep")
        }
        switch node {
        case .scalar(let scalar):
            checkTag(scalar.tag.rawValue, at: scalar.mark)
            let isPlain = scalar.style == .plain
            return ProfileNode(position: position(scalar.mark), content: .scalar(scalar.string, isPlain: isPlain))
        case .sequence(let sequence):
            checkTag(sequence.tag.rawValue, at: sequence.mark)
            var items: [ProfileNode] = []
            for item in sequence {
                guard let item = convert(item, depth: depth + 1) else { break }
                items.append(item)
            }
            return isTooLarge ? nil : ProfileNode(position: position(sequence.mark), content: .list(items))
        case .mapping(let mapping):
            checkTag(mapping.tag.rawValue, at: mapping.mark)
            let pairs = convert(mapping, depth: depth)
            return isTooLarge ? nil : ProfileNode(position: position(mapping.mark), content: .map(pairs))
        case .alias(let alias):
            return refuse(node, "the alias `*\(alias.anchor.rawValue)` stands for nothing")
        }
    }

    private mutating func convert(_ mapping: Node.Mapping, depth: Int) -> [ProfileNode.Pair] {
        var own: [ProfileNode.Pair] = []
        var merged: [ProfileNode.Pair] = []
        var first: [String: ProfilePosition] = [:]
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                problems.append(ProfileProblem(position(key.mark), "a key must be a word, not a list or mapping"))
                continue
            }
            let place = position(scalar.mark)
            let word = replaced[scalar.string] ?? scalar.string
            guard let value = convert(value, depth: depth + 1) else { return [] }
            if word == "<<", scalar.style == .plain {
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
        return own
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

    private mutating func refuse(_ node: Node, _ message: String) -> ProfileNode? {
        isTooLarge = true
        problems.append(ProfileProblem(position(node.mark), message))
        return nil
    }

    private mutating func checkTag(_ tag: String, at mark: Mark?) {
        let allowed = ["", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"]
        guard !allowed.contains(tag) else { return }
        let word = tag.hasPrefix("tag:yaml.org,2002:") ? "!!" + tag.dropFirst(18) : tag
        problems.append(
            ProfileProblem(position(mark), "the tag `\(word.shortened)` has no meaning here", hint: "take the tag out"))
    }
}

// MARK: - What the parser refuses

extension ProfileComposer {
    /// Yams stops at the first mapping with a key that is there twice. Masks the first of the two, so that the next
    /// attempt gets further and the conversion can name both lines.
    private mutating func maskDuplicate(_ error: YamlError, in text: inout ProfileText) -> Bool {
        guard case .duplicatedKeysInMapping(let keys, let context) = error, replaced.count < Self.duplicateLimit,
            let mask = Unicode.Scalar(0xE000 + UInt32(replaced.count))
        else { return false }
        for key in keys
        where text.replaceKey(key, line: context.mark.line, column: context.mark.column, with: mask) {
            replaced[String(repeating: Character(mask), count: key.unicodeScalars.count)] = key
            return true
        }
        return false
    }

    private func problem(_ error: YamlError, in text: ProfileText) -> ProfileProblem {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            return syntaxProblem(problem, context: context, mark: mark, text: text)
        case .composer(_, let problem, let mark, _):
            if problem.contains("another document") {
                return ProfileProblem(
                    position(mark), "a second document begins here; a profile is one document",
                    hint: "take the `---` line out, or split the file")
            }
            let line = text.line(mark.line).dropFirst(mark.column - 1).prefix { !"\t ,]}:".unicodeScalars.contains($0) }
            let word = String(String.UnicodeScalarView(line)).shortened
            return ProfileProblem(
                position(mark), "the alias `\(word)` stands for nothing",
                hint: "put `&\(word.drop { $0 == "*" })` before the value that it shall repeat")
        case .duplicatedKeysInMapping(let keys, let context):
            let words = keys.map { "`\((replaced[$0] ?? $0).shortened)`" }.joined(separator: ", ")
            return ProfileProblem(position(context.mark), "\(words) is given twice", hint: "take one of them out")
        case .reader(let problem, _, _, _):
            return ProfileProblem(position(1, 1), "not a text that YAML allows: \(problem)")
        default:
            return ProfileProblem(position(1, 1), "could not be read: \(error)")
        }
    }

    private func syntaxProblem(
        _ problem: String, context: YamlError.Context?, mark: Mark, text: ProfileText
    ) -> ProfileProblem {
        let line = text.line(mark.line)
        let indent = line.prefix { $0 == " " || $0 == "\t" }
        if let tab = indent.firstIndex(of: "\t") {
            return ProfileProblem(
                position(mark.line, tab + 1), "a tab stands where YAML takes spaces", hint: "indent with two spaces")
        }
        let hint: String? =
            switch problem {
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
        let reason = context.map { "\($0.text) (line \($0.mark.line)): \(problem)" } ?? problem
        return ProfileProblem(position(mark), "not valid YAML: \(reason)", hint: hint)
    }
}
