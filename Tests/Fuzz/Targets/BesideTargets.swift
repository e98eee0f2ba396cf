import Blocks
import Images

/// Input: a block map, whose own digest is put right.
func fuzzBmap(_ input: [UInt8]) throws(BrokenClaim) {
    guard let map = ForeignBmap(signed(map: repeated(input))) else { return }
    var end: Int64 = 0
    for part in map.parts {
        try claim(part.range.lowerBound >= end && !part.range.isEmpty, "a range begins inside another or is empty")
        end = part.range.upperBound
    }
    try claim(end <= map.imageByteCount, "a range ends at \(end) of \(map.imageByteCount)")
}

private func signed(map: [UInt8]) -> [UInt8] {
    let start = Array("<BmapFileChecksum>".utf8)
    guard let place = map.firstRange(of: start)?.upperBound, place + 64 <= map.count else { return map }
    var map = map
    map.replaceSubrange(place..<(place + 64), with: [UInt8](repeating: 0x30, count: 64))
    let digest = SHA256.digest(of: map.span.bytes).description
    map.replaceSubrange(place..<(place + 64), with: Array(digest.utf8))
    return map
}

/// Input: the label on a card.
func fuzzLabel(_ input: [UInt8]) throws(BrokenClaim) {
    guard let label = CardLabel(repeated(input)) else { return }
    try claim(
        label.summary.utf8.count < 1100 && label.summary.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) },
        "a label that a terminal must not get")
}
