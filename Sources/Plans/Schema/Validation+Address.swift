/// IP addresses.
extension Validation {
    /// An IPv4 address in four decimal parts without leading zeros, or an IPv6 address (RFC 4291 section 2.2).
    package static func address(_ text: String) throws(Refusal) {
        guard isAddress(text) else {
            throw Refusal("\"\(text.shortened)\" is no IPv4 or IPv6 address", hint: "192.168.1.10, or fd00::10")
        }
    }

    package static func isAddress(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

    package static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(isDigit), let number = Int(part) else {
                    return false
                }
                return number <= 255 && String(number) == part
            }
    }

    private static func isIPv6(_ text: String) -> Bool {
        func groups(_ side: Substring) -> Int? {
            if side.isEmpty { return 0 }
            let parts = side.split(separator: ":", omittingEmptySubsequences: false)
            var count = 0
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, part.contains(".") {
                    guard isIPv4(String(part)) else { return nil }
                    count += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit) else { return nil }
                    count += 1
                }
            }
            return count
        }
        guard text.utf8.count <= 45, let gap = text.doubleColon else { return groups(text[...]) == 8 }
        let tail = text[text.index(gap, offsetBy: 2)...]
        guard !tail.hasPrefix(":"), !text[..<gap].contains("."), let left = groups(text[..<gap]),
            let right = groups(tail)
        else { return false }
        return left + right <= 7
    }
}

extension String {
    /// Where `::` begins.
    fileprivate var doubleColon: String.Index? {
        indices.first { self[$0...].hasPrefix("::") }
    }
}
