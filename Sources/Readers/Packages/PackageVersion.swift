/// A version of a Debian package, compared as dpkg does (deb-version(7)).
package struct PackageVersion: Sendable {
    package let text: String
    private let epoch: Int
    private let upstream: [UInt8]
    private let revision: [UInt8]

    /// Nil for what dpkg takes for none: an empty one, an epoch that is no number, other characters than letters, digits
    /// and `.+-~:`.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard (1...255).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
        var rest = bytes[...]
        var epoch = 0
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
            guard let number = Int(String(decoding: rest[..<colon], as: UTF8.self)), (0...0x7FFF_FFFF).contains(number)
            else { return nil }
            epoch = number
            rest = rest[(colon + 1)...]
        }
        var revision: ArraySlice<UInt8> = []
        if let hyphen = rest.lastIndex(of: UInt8(ascii: "-")) {
            revision = rest[(hyphen + 1)...]
            rest = rest[..<hyphen]
            guard !revision.isEmpty else { return nil }
        }
        guard !rest.isEmpty else { return nil }
        self.text = String(text)
        self.epoch = epoch
        upstream = Array(rest)
        self.revision = Array(revision)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || ".+-~:".utf8.contains(byte)
    }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }

    /// A tilde before the end, the end before letters, letters before all else.
    private static func order(_ byte: UInt8?) -> Int {
        guard let byte, !isDigit(byte) else { return 0 }
        if byte == UInt8(ascii: "~") { return -1 }
        return isLetter(byte) ? Int(byte) : Int(byte) + 256
    }

    /// Below, at or above zero.
    private static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var (left, right) = (a[...], b[...])
        while !left.isEmpty || !right.isEmpty {
            while left.first.map({ !isDigit($0) }) ?? false || right.first.map({ !isDigit($0) }) ?? false {
                let (x, y) = (order(left.first), order(right.first))
                if x != y { return x - y }
                left = left.dropFirst()
                right = right.dropFirst()
            }
            let x = left.prefix(while: isDigit).drop { $0 == 0x30 }
            let y = right.prefix(while: isDigit).drop { $0 == 0x30 }
            if x.count != y.count { return x.count - y.count }
            if let (first, second) = zip(x, y).first(where: { $0 != $1 }) { return Int(first) - Int(second) }
            left = left.drop(while: isDigit)
            right = right.drop(while: isDigit)
        }
        return 0
    }
}

extension PackageVersion: Comparable {
    package static func == (a: Self, b: Self) -> Bool { order(a, b) == 0 }
    package static func < (a: Self, b: Self) -> Bool { order(a, b) < 0 }

    private static func order(_ a: Self, _ b: Self) -> Int {
        if a.epoch != b.epoch { return a.epoch - b.epoch }
        let upstream = compare(a.upstream, b.upstream)
        return upstream != 0 ? upstream : compare(a.revision, b.revision)
    }
}
