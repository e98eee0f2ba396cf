/// A pattern of `*`, `?` and `[…]`, as glob(7), udev and, without the brackets, OpenSSH take them.
package struct Wildcard {
    private let pattern: [Character]
    private let takesBrackets: Bool

    package init(_ pattern: some StringProtocol, takesBrackets: Bool = true) {
        self.pattern = Array(pattern)
        self.takesBrackets = takesBrackets
    }

    package func matches(_ text: String) -> Bool {
        let text = Array(text)
        var (at, index) = (0, 0)
        var star: (at: Int, index: Int)?
        while index < text.count {
            if at < pattern.count, pattern[at] == "*" {
                star = (at, index)
                at += 1
            } else if at < pattern.count, let next = step(at, text[index]) {
                at = next
                index += 1
            } else if let last = star {
                star = (last.at, last.index + 1)
                (at, index) = (last.at + 1, last.index + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == "*" }
    }

    /// The position after the element at `at` when that matches `character`.
    private func step(_ at: Int, _ character: Character) -> Int? {
        if pattern[at] == "?" { return at + 1 }
        guard takesBrackets, pattern[at] == "[", let end = pattern[at...].firstIndex(of: "]"), end > at + 1 else {
            return pattern[at] == character ? at + 1 : nil
        }
        var index = at + 1
        while index < end {
            if index + 2 < end, pattern[index + 1] == "-" {
                if pattern[index] <= character, character <= pattern[index + 2] { return end + 1 }
                index += 3
            } else {
                if pattern[index] == character { return end + 1 }
                index += 1
            }
        }
        return nil
    }
}
