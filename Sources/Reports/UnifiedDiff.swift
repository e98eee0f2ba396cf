/// A unified diff of two texts, as `diff -u` prints it, without the two header lines.
package struct UnifiedDiff: Equatable, Sendable {
    /// The hunks' lines, each with its mark: ` `, `-`, `+`, or `@@ … @@`.
    package let lines: [String]

    private enum Step { case same(String), removed(String), added(String) }

    /// Compares two files line by line and shows `context` unchanged lines around each change.
    ///
    /// A line ends at the byte 0x0A and at nothing else; a carriage return is a part of its line. Bytes that are no
    /// UTF-8 are shown as `\xE9`.
    package init(from old: [UInt8], to new: [UInt8], context: Int = 3) {
        let steps = Self.steps(from: Self.split(old), to: Self.split(new))
        lines = Self.hunks(of: steps, context: context)
    }

    /// Lines with a note on the last when its newline is missing, so that such a change shows.
    private static func split(_ text: [UInt8]) -> [Line] {
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { Line(Array($0)) }
        if lines.last?.bytes.isEmpty == true {
            lines.removeLast()
        } else if let last = lines.indices.last {
            lines[last].isOpen = true
        }
        return lines
    }

    /// Compared by its bytes: two texts that only look alike differ.
    private struct Line: Hashable {
        var bytes: [UInt8]
        /// Whether the newline at its end is missing.
        var isOpen = false

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var text: String {
            let text = String(validating: bytes, as: UTF8.self) ?? bytes.map(Self.shown).joined()
            return isOpen ? text + "  (no newline at the end)" : text
        }

        private static func shown(_ byte: UInt8) -> String {
            byte < 0x80 ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
        }
    }

    private static func steps(from old: [Line], to new: [Line]) -> [Step] {
        var removed = Set<Int>()
        var added = Set<Int>()
        for change in new.difference(from: old) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        var steps: [Step] = []
        var i = 0
        var j = 0
        while i < old.count || j < new.count {
            if i < old.count, removed.contains(i) {
                steps.append(.removed(old[i].text))
                i += 1
            } else if j < new.count, added.contains(j) {
                steps.append(.added(new[j].text))
                j += 1
            } else {
                steps.append(.same(old[i].text))
                i += 1
                j += 1
            }
        }
        return steps
    }

    private static func hunks(of steps: [Step], context: Int) -> [String] {
        let changed = steps.indices.filter { if case .same = steps[$0] { false } else { true } }
        var ranges: [Range<Int>] = []
        for index in changed {
            let range = max(0, index - context)..<min(steps.count, index + context + 1)
            if let last = ranges.last, range.lowerBound <= last.upperBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        var output: [String] = []
        var oldLine = 1
        var newLine = 1
        var next = 0
        for range in ranges {
            oldLine += range.lowerBound - next
            newLine += range.lowerBound - next
            let body = steps[range].map(Self.marked)
            let oldCount = steps[range].count { if case .added = $0 { false } else { true } }
            let newCount = steps[range].count { if case .removed = $0 { false } else { true } }
            let oldStart = oldCount == 0 ? oldLine - 1 : oldLine
            let newStart = newCount == 0 ? newLine - 1 : newLine
            output.append("@@ -\(numbers(oldStart, oldCount)) +\(numbers(newStart, newCount)) @@")
            output += body
            oldLine += oldCount
            newLine += newCount
            next = range.upperBound
        }
        return output
    }

    /// A count of 1 is left out, as diff does.
    private static func numbers(_ start: Int, _ count: Int) -> String { count == 1 ? "\(start)" : "\(start),\(count)" }

    private static func marked(_ step: Step) -> String {
        switch step {
        case .same(let line): " " + line
        case .removed(let line): "-" + line
        case .added(let line): "+" + line
        }
    }
}
