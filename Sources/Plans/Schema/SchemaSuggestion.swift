/// Finds the word that was meant.
package enum SchemaSuggestion {
    /// The nearest of `words`, nil when none is near: at most a third of the letters differ.
    package static func nearest(to word: String, in words: [String]) -> String? {
        let wanted = Array(word.lowercased().unicodeScalars.prefix(64))
        let limit = max(1, wanted.count / 3)
        return
            words
            .map { (distance(wanted, Array($0.lowercased().unicodeScalars)), $0) }
            .filter { $0.0 <= limit }
            .min { $0 < $1 }?.1
    }

    /// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment distance).
    package static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let cost = a[i] == b[j] ? 0 : 1
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + cost)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    /// The hint for a key that a mapping does not know: the nearest, where the word belongs, or all there are.
    static func hint(for word: String, in keys: [String]) -> String? {
        if let near = nearest(to: word, in: keys) { return "did you mean `\(near)`?" }
        if keys.count <= 10 { return "the keys here are " + keys.map { "`\($0)`" }.joined(separator: ", ") }
        return nil
    }
}
