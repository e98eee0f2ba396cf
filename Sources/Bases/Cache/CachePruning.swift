/// Which kept things shall go.
package struct CachePruning: Equatable, Sendable {
    /// Those not used for so many seconds.
    package var olderThan: Int64?
    /// The longest unused ones until the rest takes at most so many bytes.
    package var maximum: Int64?
    /// All of them.
    package var isAll: Bool

    package init(olderThan: Int64?, maximum: Int64?, isAll: Bool) {
        self.olderThan = olderThan
        self.maximum = maximum
        self.isAll = isAll
    }

    /// The items to remove, in the order in which they go; `now` in seconds since 1970-01-01 UTC.
    ///
    /// What is in use stays and counts; what a killed process left goes always.
    package func selection(from items: [Cache.Item], now: Int64) -> [Cache.Item] {
        let free = items.filter { !$0.isInUse }.sorted {
            ($0.lastUsed, $0.path) < ($1.lastUsed, $1.path)
        }
        var chosen = free.filter { item in
            isAll || item.kind == .unfinished || olderThan.map { now - item.lastUsed > $0 } ?? false
        }
        guard let maximum, !isAll else { return chosen }
        var left = items.reduce(Int64(0)) { $0 + $1.byteCount } - chosen.reduce(Int64(0)) { $0 + $1.byteCount }
        for item in free where left > maximum && !chosen.contains(item) {
            chosen.append(item)
            left -= item.byteCount
        }
        return chosen
    }

    /// Seconds of `30d`, `12h`, `90m`; nil for anything else.
    package static func seconds(_ text: String) -> Int64? {
        number(text, units: ["m": 60, "h": 3600, "d": 86400, "w": 7 * 86400])
    }

    /// Bytes of `10G`, `500M`, in powers of ten; nil for anything else.
    package static func bytes(_ text: String) -> Int64? {
        number(text, units: ["K": 1000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000])
    }

    private static func number(_ text: String, units: [Character: Int64]) -> Int64? {
        guard text != "0" else { return 0 }
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count >= 0 else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }
}
