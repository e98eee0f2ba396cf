/// The text of an input whose last byte says how often the rest is repeated: so a fuzzer of short inputs finds work
/// that grows faster than a long one.
///
/// From 0xF8 on it is 8, 16, 32 … 1024 times, up to 8 KiB; with 0xFF twice at the end, up to 256 KiB. Below that it
/// is a part of the text.
func repeated(_ input: [UInt8]) -> [UInt8] {
    guard let last = input.last, last >= 0xF8, input.count > 1 else { return input }
    let part = input.dropLast()
    let limit = part.last == 0xFF ? 256 << 10 : 8 << 10
    let times = min(8 << Int(last - 0xF8), limit / part.count)
    return Array((0..<max(1, times)).map { _ in part }.joined())
}
