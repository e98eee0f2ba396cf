import Blocks
import TestSupport
import Testing

struct OverlayTests {
    @Test("writes stay in memory, are read back, and are told in whole granules")
    func copyOnWrite() throws {
        let base = MemoryReader([UInt8](repeating: 1, count: 20_000))
        let overlay = Overlay(over: base)
        try overlay.write([2, 2, 2], at: 8_191)
        #expect(try overlay.bytes(at: 8_190, count: 5) == [1, 2, 2, 2, 1])
        #expect(try overlay.dirtyRanges == [4_096..<12_288])
        try overlay.write([3], at: 19_999)
        #expect(try overlay.dirtyRanges == [4_096..<12_288, 16_384..<20_000])
        #expect(base.bytes.allSatisfy { $0 == 1 })
    }

    @Test("what is written back to the base's content is not dirty")
    func writtenBack() throws {
        let overlay = Overlay(over: MemoryReader([UInt8](repeating: 1, count: 16_384)))
        try overlay.write([9], at: 5_000)
        #expect(try overlay.dirtyRanges == [4_096..<8_192])
        try overlay.write([1], at: 5_000)
        #expect(try overlay.dirtyRanges == [])
        try overlay.write([UInt8](repeating: 1, count: 16_384), at: 0)
        #expect(try overlay.dirtyRanges == [])
        try overlay.write([9], at: 0)
        #expect(try overlay.dirtyRanges == [0..<4_096])
    }

    @Test("bounds are those of the base")
    func bounds() throws {
        let overlay = Overlay(over: MemoryReader([UInt8](repeating: 0, count: 5_000)))
        #expect(throws: BlockError.outOfBounds(offset: 4_999, count: 2, size: 5_000)) {
            try overlay.write([1, 1], at: 4_999)
        }
        #expect(throws: BlockError.outOfBounds(offset: .max, count: 1, size: 5_000)) {
            try overlay.bytes(at: .max, count: 1)
        }
        #expect(throws: BlockError.outOfBounds(offset: -1, count: 0, size: 5_000)) {
            try overlay.bytes(at: -1, count: 0)
        }
        try overlay.write([], at: 5_000)
        #expect(try overlay.dirtyRanges == [])
        let empty = Overlay(over: MemoryReader([]))
        #expect(try empty.nextData(from: 0) == nil)
        #expect(try empty.bytes(at: 0, count: 0) == [])
    }

    @Test("a whole granule is taken without reading the base; a part of one reads it once")
    func counters() throws {
        let base = MemoryReader([UInt8](repeating: 1, count: 1 << 20))
        let overlay = Overlay(over: base)
        try overlay.write([UInt8](repeating: 2, count: 8_192), at: 4_096)
        #expect(base.reads == 0)
        try overlay.write([3], at: 100)
        try overlay.write([3], at: 101)
        #expect(base.reads == 1)
        #expect(overlay.counters == .init(read: 0, written: 8_194, readFromBase: 4_096))
        _ = try overlay.bytes(at: 0, count: 1 << 20)
        #expect(base.reads == 2)
        #expect(overlay.counters == .init(read: 1 << 20, written: 8_194, readFromBase: (1 << 20) - 8_192))
    }

    @Test("a failing base fails the call and loses no earlier write")
    func failingBase() throws {
        let overlay = Overlay(over: MemoryReader([UInt8](repeating: 1, count: 16_384), failingRead: 2))
        try overlay.write([2], at: 0)
        #expect(throws: MemoryReader.failure) { try overlay.write([2], at: 5_000) }
        #expect(throws: MemoryReader.failure) { try overlay.dirtyRanges }
        #expect(try overlay.bytes(at: 0, count: 4_096) == [2] + [UInt8](repeating: 1, count: 4_095))
    }

    /// Random writes and reads against an array; the seed in the test's name repeats a failure.
    @Test("the overlay equals an array under random operations", arguments: UInt64(0)..<24)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let size = Int.random(in: 1...40_000, using: &random)
        var model = [UInt8](repeating: 0, count: size)
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let start = Int.random(in: 0..<size, using: &random)
            let piece = random.bytes(min(size - start, 6_000))
            model.replaceSubrange(start..<(start + piece.count), with: piece)
        }
        let original = model
        let base = MemoryReader(original)
        let overlay = Overlay(over: base)
        for _ in 0..<80 {
            let start = Int.random(in: 0...size, using: &random)
            let count = Int.random(in: 0...min(size - start, 12_000), using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let piece = random.bytes(count)
                try overlay.write(piece, at: Int64(start))
                model.replaceSubrange(start..<(start + count), with: piece)
            case 2:
                try overlay.write([UInt8](repeating: 0, count: count), at: Int64(start))
                model.replaceSubrange(start..<(start + count), with: repeatElement(0, count: count))
            case 3:
                try overlay.write(Array(original[start..<(start + count)]), at: Int64(start))
                model.replaceSubrange(start..<(start + count), with: original[start..<(start + count)])
            case 4:
                #expect(try overlay.dirtyRanges == Self.differing(model, original))
            default:
                #expect(try overlay.bytes(at: Int64(start), count: count) == Array(model[start..<(start + count)]))
            }
        }
        #expect(try overlay.dirtyRanges == Self.differing(model, original))
        #expect(base.bytes == original)
        let chunk = Int.random(in: 1...20_000, using: &random)
        #expect(try Self.rebuilt(overlay, chunk: chunk) == model)
    }

    /// What a writer would make of the walk; also checks that it is in order and in bounds.
    private static func rebuilt(_ overlay: Overlay, chunk: Int) throws -> [UInt8] {
        var image = [UInt8](repeating: 0, count: Int(overlay.byteCount))
        var end: Int64 = 0
        try overlay.forEachData(chunk: chunk) { offset, bytes in
            #expect(offset >= end && bytes.byteCount > 0 && bytes.byteCount <= chunk)
            end = offset + Int64(bytes.byteCount)
            image.replaceSubrange(Int(offset)..<Int(end), with: bytes.withUnsafeBytes { Array($0) })
        }
        return image
    }

    private static func differing(_ model: [UInt8], _ original: [UInt8]) -> [Range<Int64>] {
        var ranges: [Range<Int64>] = []
        for start in stride(from: 0, to: model.count, by: Overlay.granuleSize) {
            let end = min(start + Overlay.granuleSize, model.count)
            guard model[start..<end] != original[start..<end] else { continue }
            if let last = ranges.last, last.upperBound == Int64(start) {
                ranges[ranges.count - 1] = last.lowerBound..<Int64(end)
            } else {
                ranges.append(Int64(start)..<Int64(end))
            }
        }
        return ranges
    }

    @Test("the walk skips holes, shows written zeros, and stops at an error of its body")
    func walk() throws {
        var bytes = [UInt8](repeating: 0, count: 100_000)
        bytes[50_000] = 1
        let base = MemoryReader(bytes)
        let overlay = Overlay(over: base)
        try overlay.write([UInt8](repeating: 0, count: 4_096), at: 8_192)
        try overlay.write([4], at: 99_999)
        var seen: [Range<Int64>] = []
        try overlay.forEachData(chunk: 1 << 20) { offset, data in seen.append(offset..<(offset + Int64(data.byteCount)))
        }
        #expect(seen == [8_192..<12_288, 49_152..<53_248, 98_304..<100_000])
        struct Full: Error, Equatable {}
        #expect(throws: Full()) { try overlay.forEachData(chunk: 4_096) { _, _ in throw Full() } }
        #expect(throws: MemoryReader.failure) {
            try Overlay(over: MemoryReader(bytes, failingRead: 1)).forEachData(chunk: 4_096) { _, _ in }
        }
    }

    @Test("zeros over unknown bytes are changes, and take the memory of one granule")
    func sharedZeros() throws {
        let base = try ExtendedReader(MemoryReader([1, 2, 3]), byteCount: 64 << 20, filler: 0xA5)
        let overlay = Overlay(over: base)
        try overlay.write([UInt8](repeating: 0, count: 32 << 20), at: 1 << 20)
        let patch = try overlay.patch
        #expect(patch.ranges == [1 << 20..<33 << 20])
        var places: Set<UnsafeRawPointer?> = []
        try patch.forEachGranule(in: 0..<64 << 20) { _, bytes in
            bytes.withUnsafeBytes { _ = places.insert($0.baseAddress) }
        }
        #expect(places.count == 1)
        #expect(try overlay.bytes(at: (1 << 20) - 1, count: 2) == [0xA5, 0])
    }

    @Test("changes of a shorter base go on as changes of a longer one")
    func continued() throws {
        let short = Overlay(over: MemoryReader([UInt8](repeating: 7, count: 5000)))
        try short.write([9], at: 4999)
        let long = try ExtendedReader(MemoryReader([UInt8](repeating: 7, count: 5000)), byteCount: 20_000, filler: 3)
        let overlay = try Overlay(over: long, changedBy: short.patch)
        #expect(try overlay.bytes(at: 4998, count: 4) == [7, 9, 3, 3])
        try overlay.write([5], at: 16_000)
        let patch = try overlay.patch
        #expect(patch.byteCount == 20_000)
        #expect(patch.ranges == [4096..<8192, 12_288..<16_384])
    }
}
