@testable import Bases
import CLZMA
import TestSupport
import Testing

/// One block of an .xz file, judged by what lzma_block_buffer_encode(3) makes of the same bytes.
struct XZEncoderTests {
    private static func random(_ count: Int, seed: UInt64 = 7, below limit: UInt8 = .max) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...limit, using: &generator) }
    }

    /// Parts that pack well, badly and not at all, longer than one LZMA2 chunk.
    private static let mixed: [UInt8] = {
        let words = random(3000, seed: 9, below: 20)
        var bytes = [UInt8](repeating: 0, count: 2_300_000)
        for start in stride(from: 0, to: 400_000, by: 2500) { bytes += words[(start % 499)..<(start % 499 + 2400)] }
        return bytes + random(200_000) + random(300_000, seed: 8, below: 3) + words
    }()

    private static let inputs: [(name: String, bytes: [UInt8])] = [
        ("one byte", [65]), ("zeros", Array(repeating: 0, count: 5 << 20)), ("noise", random(300_001)),
        ("few letters", random(700_000, below: 3)), ("mixed", mixed),
    ]

    /// With the preset's options and a dictionary as large as the encoder takes it.
    private static func expected(_ bytes: [UInt8], level: UInt32, check: UInt32) -> [UInt8]? {
        var options = lzma_options_lzma()
        guard lzma_lzma_preset(&options, level) == 0 else { return nil }
        var enough: UInt32 = 1 << 16
        while Int(enough) < bytes.count, enough < options.dict_size { enough *= 2 }
        options.dict_size = min(options.dict_size, enough)
        var output = [UInt8](repeating: 0, count: lzma_block_buffer_bound(bytes.count))
        var count = 0
        let status = withUnsafeMutablePointer(to: &options) { options in
            var filters = [
                lzma_filter(id: 0x21, options: options), lzma_filter(id: lzma_vli.max, options: nil),
            ]
            return filters.withUnsafeMutableBufferPointer { filters in
                var block = lzma_block()
                block.check = lzma_check(check)
                block.filters = filters.baseAddress
                return lzma_block_buffer_encode(&block, nil, bytes, bytes.count, &output, &count, output.count)
            }
        }
        return status == LZMA_OK ? Array(output.prefix(count)) : nil
    }

    @Test("steps give the bytes that one call gives", arguments: inputs.map(\.name), [0, 1, 4, 10] as [UInt8])
    func sameBytes(name: String, check: UInt8) throws {
        let bytes = try #require(Self.inputs.first { $0.name == name }).bytes
        for level in check == 4 ? [1, 6] : [1] {
            let piece = try XZBlockEncoder.encode(bytes.span.bytes, level: level, check: check, isCancelled: { false })
            #expect(piece.bytes == Self.expected(bytes, level: UInt32(level), check: UInt32(check)))
            #expect(piece.imageByteCount == Int64(bytes.count))
        }
    }

    @Test("an interruption is asked for again and again, and heard") func isInterruptible() throws {
        let bytes = Self.random(4 << 20)
        var questions = 0
        let counting = { () -> Bool in
            questions += 1
            return false
        }
        _ = try XZBlockEncoder.encode(bytes.span.bytes, level: 0, check: 4, isCancelled: counting)
        // Noise is stored, 64 KiB to a chunk.
        #expect(questions >= 64)
        var left = 10
        #expect(throws: PackingError.cancelled) {
            try XZBlockEncoder.encode(bytes.span.bytes, level: 0, check: 4) {
                left -= 1
                return left == 0
            }
        }
        #expect(left == 0)
    }
}
