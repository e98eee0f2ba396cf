/// A unified diff of two texts, as `diff -u` prints it, without the two header lines.
package struct UnifiedDiff: Equatable, Sendable {
    /// The hunks' lines, each with its mark: ` `, `-`, `+`, or `@@ … @@`.
    package let lines: [String]

    private enum Step { case same(String), removed(String), added(String) }

    /// Compares line by line and shows `context` unchanged lines around each change.
    package init(from old: String, to new: String, context: Int = 3) {
        let steps = Self.steps(from: Self.split(old), to: Self.split(new))
        lines = Self.hunks(of: steps, context: context)
    }

    /// Lines with a note on the last when its newline is missing, so that such a change shows.
    private static func split(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" {
            lines.removeLast()
        } else if let last = lines.popLast() {
            lines.append(last + "  (no newline at the end)")
        }
        return lines
    }

    private static func steps(from old: [String], to new: [String]) -> [Step] {
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
                steps.append(.removed(old[i]))
                i += 1
            } else if j < new.count, added.contains(j) {
                steps.append(.added(new[j]))
                j += 1
            } else {
                steps.append(.same(old[i]))
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
            let oldCount = body.count { !$0.hasPrefix("+") }
            let newCount = body.count { !$0.hasPrefix("-") }
            let oldStart = oldCount == 0 ? oldLine - 1 : oldLine
            let newStart = newCount == 0 ? newLine - 1 : newLine
            output.append("@@ -\(oldStart),\(oldCount) +\(newStart),\(newCount) @@")
            output += body
            oldLine += oldCount
            newLine += newCount
            next = range.upperBound
        }
        return output
    }

    private static func marked(_ step: Step) -> String {
        switch step {
        case .same(let line): " " + line
        case .removed(let line): "-" + line
        case .added(let line): "+" + line
        }
    }
}
