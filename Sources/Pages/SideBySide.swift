/// A unified diff as two columns: what was, and what will be.
struct SideBySide {
    /// One line of a column; `number` is its line in the file, from 1.
    struct Line: Equatable {
        var number: Int
        var text: String
    }

    enum Row: Equatable {
        /// Where lines that stay the same are left out.
        case gap
        case same(Line, Line)
        /// At least one of the two is there.
        case changed(Line?, Line?)
    }

    let rows: [Row]

    /// Takes the hunks of a unified diff without its two header lines; lines that are no part of one are passed over.
    init(unified lines: [String]) {
        var rows: [Row] = []
        var (old, new) = (1, 1)
        var removed: [Line] = []
        var added: [Line] = []
        func paired() -> [Row] {
            (0..<max(removed.count, added.count)).map { index in
                .changed(
                    index < removed.count ? removed[index] : nil, index < added.count ? added[index] : nil)
            }
        }
        for line in lines {
            let text = String(line.dropFirst())
            if !line.hasPrefix("-") && !line.hasPrefix("+") {
                rows += paired()
                (removed, added) = ([], [])
            }
            switch line.first {
            case "-":
                removed.append(Line(number: old, text: text))
                old += 1
            case "+":
                added.append(Line(number: new, text: text))
                new += 1
            case " ":
                rows.append(.same(Line(number: old, text: text), Line(number: new, text: text)))
                old += 1
                new += 1
            case "@":
                guard let starts = Self.starts(of: line) else { continue }
                (old, new) = starts
                if !rows.isEmpty || starts.old > 1 { rows.append(.gap) }
            default: continue
            }
        }
        self.rows = rows + paired()
    }

    /// The first lines of `@@ -12,7 +12,8 @@`.
    private static func starts(of header: String) -> (old: Int, new: Int)? {
        let words = header.split(separator: " ")
        guard words.count >= 3, words[1].hasPrefix("-"), words[2].hasPrefix("+"),
            let old = Int(words[1].dropFirst().prefix { $0 != "," }),
            let new = Int(words[2].dropFirst().prefix { $0 != "," })
        else { return nil }
        return (max(old, 1), max(new, 1))
    }

    /// Whether one side has no line, as with a file that is new or gone.
    private var isOneSided: Bool {
        rows.allSatisfy { if case .changed(_, nil) = $0 { true } else { false } }
            || rows.allSatisfy { if case .changed(nil, _) = $0 { true } else { false } }
    }

    /// A table of four columns, number and text of either side; of two where only one side has lines.
    var table: HTML {
        let side: HTML = "<col class=\"number\"><col>"
        guard !isOneSided else {
            let body = rows.map { row -> HTML in
                guard case .changed(let old, let new) = row else { return "" }
                return old.map { "<tr>\(Self.cells($0, "\($0.text)", mark: "old"))</tr>\n" }
                    ?? new.map { "<tr>\(Self.cells($0, "\($0.text)", mark: "new"))</tr>\n" } ?? ""
            }
            return "<table class=\"diff\">\(side)\n\(body)</table>\n"
        }
        let body = rows.map { row -> HTML in
            switch row {
            case .gap: return "<tr class=\"gap\"><td colspan=\"4\">⋯</td></tr>\n"
            case .same(let old, let new):
                return "<tr>\(Self.cells(old, "\(old.text)"))\(Self.cells(new, "\(new.text)"))</tr>\n"
            case .changed(let old, let new):
                let (before, after) = Self.marked(old?.text, new?.text)
                return "<tr>\(Self.cells(old, before, mark: "old"))\(Self.cells(new, after, mark: "new"))</tr>\n"
            }
        }
        return "<table class=\"diff\">\(side)\(side)\n\(body)</table>\n"
    }

    private static func cells(_ line: Line?, _ text: HTML, mark: HTML = "") -> HTML {
        guard let line else { return "<td class=\"none\" colspan=\"2\"></td>" }
        return "<th>\(line.number)</th><td class=\"\(mark)\">\(text)</td>"
    }

    // MARK: Words

    /// Words of a line that are compared with those of the other; in longer ones nothing is marked.
    private static let wordLimit = 400

    /// Both texts, with the words that the other has not in `mark` tags.
    private static func marked(_ old: String?, _ new: String?) -> (HTML, HTML) {
        guard let old, let new else { return ("\(old ?? "")", "\(new ?? "")") }
        let (before, after) = (words(of: old), words(of: new))
        guard before.count + after.count <= 2 * wordLimit else { return ("\(old)", "\(new)") }
        var (removed, added) = (Set<Int>(), Set<Int>())
        for change in after.difference(from: before) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        // Lines that share no word are two lines, not one that was changed.
        guard removed.count < before.count || added.count < after.count else { return ("\(old)", "\(new)") }
        return (marked(before, removed), marked(after, added))
    }

    private static func marked(_ words: [Substring], _ changed: Set<Int>) -> HTML {
        var html = HTML()
        var index = 0
        while index < words.count {
            let isChanged = changed.contains(index)
            let start = index
            while index < words.count, changed.contains(index) == isChanged { index += 1 }
            let text = words[start..<index].joined()
            html += isChanged ? "<mark>\(text)</mark>" : "\(text)"
        }
        return html
    }

    /// The text in pieces that each end after what parts words.
    private static func words(of text: String) -> [Substring] {
        var words: [Substring] = []
        var start = text.startIndex
        for index in text.indices where " \t=,:/".contains(text[index]) {
            let end = text.index(after: index)
            words.append(text[start..<end])
            start = end
        }
        return start < text.endIndex ? words + [text[start...]] : words
    }
}
