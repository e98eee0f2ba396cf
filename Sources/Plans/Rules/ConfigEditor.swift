/// Many changes of one config.txt: lines are found by key and section, so that each change takes constant time.
struct ConfigEditor {
    /// A line with its neighbours; removed lines have none.
    private struct Node {
        var line: TextLines.Line
        var content: ConfigText.Line
        var filter: Int
        var position: Position
        var previous: Int?
        var next: Int?
    }

    /// Orders lines without numbering them anew: one that is inserted shares the number of the line before it.
    private struct Position: Comparable {
        var number: Int
        var insertion = 0

        static func < (a: Position, b: Position) -> Bool { (a.number, a.insertion) < (b.number, b.insertion) }
    }

    private struct Place: Hashable {
        var key: String
        var filter: Int
    }

    private var nodes: [Node] = []
    private var first: Int?
    private var last: Int?
    private var numberCount = 0
    private var insertionCount = 0

    private var filters: [ConfigFilter: Int] = [.all: 0]
    /// The lines that set a key, in the file's order.
    private var active: [String: [Int]] = [:]
    /// The values of keys that accumulate.
    private var values: [Place: Set<String>] = [:]
    /// The lines of each section that are no comments, in the file's order; some are removed by now.
    private var members: [Int: [Int]] = [:]

    init(_ config: ConfigText) {
        var filter = 0
        for (line, parsed) in zip(config.lines.lines, config.parsed()) {
            if case .header = parsed.line { filter = number(of: parsed.filter) }
            append(line, parsed.line, filter: filter)
        }
    }

    var config: ConfigText {
        var lines = TextLines("")
        var index = first
        while let current = index {
            lines.lines.append(nodes[current].line)
            index = nodes[current].next
        }
        return ConfigText(lines)
    }

    // MARK: - Rules

    /// As `ConfigText.set`.
    mutating func set(_ key: String, to value: String, section: String, overriding: Bool) throws(TextRuleError) {
        let wanted = ConfigText.line(key: key, value: value)
        guard wanted.utf8.count <= ConfigText.columnLimit else {
            throw .configLineTooLong(wanted, limit: ConfigText.columnLimit)
        }
        let filter = number(of: .all.entering(section))
        if ConfigText.accumulates(key) {
            if values[Place(key: key, filter: filter)]?.contains(value) != true { add(wanted, section, filter) }
            return
        }
        let lines = active[key] ?? []
        // A file that is included later may set the key as well.
        let include = active["include"]?.last.map { nodes[$0].position }
        guard let own = lines.last(where: { nodes[$0].filter == filter }),
            !overriding || filter != 0
                || lines.last == own && (include.map { $0 < nodes[own].position } ?? true)
        else {
            remove(key) { $0 == filter }
            return add(wanted, section, filter)
        }
        if nodes[own].content != .entry(key: key, value: value) {
            nodes[own].line.text = wanted
            nodes[own].content = .entry(key: key, value: value)
        }
    }

    /// As `ConfigText.remove`.
    mutating func remove(_ key: String, section: String?) {
        guard let section else { return remove(key) { _ in true } }
        let filter = number(of: .all.entering(section))
        remove(key) { $0 == filter }
    }

    private mutating func remove(_ key: String, where isMeant: (Int) -> Bool) {
        guard let lines = active[key] else { return }
        active[key] = lines.filter { !isMeant(nodes[$0].filter) }
        for index in lines where isMeant(nodes[index].filter) {
            values[Place(key: key, filter: nodes[index].filter)] = nil
            unlink(index)
        }
    }

    /// Adds a line to the last block of its section, or with a header of its own at the end; `[all]` holds at the end.
    private mutating func add(_ text: String, _ section: String, _ filter: Int) {
        if filter == 0 {
            if !endsInAll { appendText("[all]", filter: 0) }
            return appendText(text, filter: 0)
        }
        if let member = lastMember(of: filter) {
            insertText(text, after: member)
        } else {
            if !endsInAll { appendText("[all]", filter: 0) }
            appendText("[\(section)]", filter: filter)
            appendText(text, filter: filter)
        }
        if !endsInAll { appendText("[all]", filter: 0) }
    }

    private var endsInAll: Bool { last.map { nodes[$0].filter == 0 } ?? true }

    private mutating func lastMember(of filter: Int) -> Int? {
        while let index = members[filter]?.last {
            if isLinked(index) { return index }
            members[filter]?.removeLast()
        }
        return nil
    }

    private mutating func number(of filter: ConfigFilter) -> Int {
        if let number = filters[filter] { return number }
        filters[filter] = filters.count
        return filters.count - 1
    }
}

// MARK: - The list of lines

extension ConfigEditor {
    private func isLinked(_ index: Int) -> Bool { first == index || nodes[index].previous != nil }

    private var lineEnd: String { TextLines.lineEnd(after: first.map { nodes[$0].line.end }) }

    private mutating func appendText(_ text: String, filter: Int) {
        let end = lineEnd
        endLastLine(end)
        append(TextLines.Line(text: text, end: end), ConfigText.parse(text), filter: filter)
    }

    private mutating func endLastLine(_ end: String) {
        if let last { nodes[last].line.end = TextLines.completed(nodes[last].line.end, with: end) }
    }

    private mutating func append(_ line: TextLines.Line, _ content: ConfigText.Line, filter: Int) {
        link(
            Node(
                line: line, content: content, filter: filter, position: Position(number: numberCount), previous: last,
                next: nil))
        numberCount += 1
    }

    /// Below a line of the same section, which is the section's last.
    private mutating func insertText(_ text: String, after index: Int) {
        let end = lineEnd
        if index == last { endLastLine(end) }
        insertionCount += 1
        let position = Position(number: nodes[index].position.number, insertion: insertionCount)
        link(
            Node(
                line: TextLines.Line(text: text, end: end), content: ConfigText.parse(text),
                filter: nodes[index].filter, position: position, previous: index, next: nodes[index].next))
    }

    private mutating func link(_ node: Node) {
        let index = nodes.count
        nodes.append(node)
        if let previous = node.previous { nodes[previous].next = index } else { first = index }
        if let next = node.next { nodes[next].previous = index } else { last = index }
        if node.content != .other { members[node.filter, default: []].append(index) }
        guard case .entry(let key, let value) = node.content else { return }
        if ConfigText.accumulates(key) { values[Place(key: key, filter: node.filter), default: []].insert(value) }
        let before = active[key]?.lastIndex { nodes[$0].position < node.position }
        active[key, default: []].insert(index, at: before.map { $0 + 1 } ?? 0)
    }

    private mutating func unlink(_ index: Int) {
        let (previous, next) = (nodes[index].previous, nodes[index].next)
        if let previous { nodes[previous].next = next } else { first = next }
        if let next { nodes[next].previous = previous } else { last = previous }
        nodes[index].previous = nil
        nodes[index].next = nil
    }
}
