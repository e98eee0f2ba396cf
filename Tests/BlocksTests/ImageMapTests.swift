import Blocks
import TestSupport
import Testing

/// Maps of images as values.
struct ImageMapTests {
    @Test("a set of blocks is the set of blocks", arguments: 0..<20 as Range<UInt64>)
    func sets(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func ranges() -> [Range<Int64>] {
            (0..<Int.random(in: 0...12, using: &random)).map { _ in
                let start = Int64.random(in: 0...400_000, using: &random)
                return start..<start + Int64.random(in: 0...30_000, using: &random)
            }
        }
        func blocks(_ ranges: [Range<Int64>]) -> Set<Int64> {
            Set(ranges.filter { !$0.isEmpty }.flatMap { $0.lowerBound / 4096...($0.upperBound - 1) / 4096 })
        }
        let (first, second) = (ranges(), ranges())
        for (set, expected) in [
            (BlockSet(touching: first), blocks(first)),
            (BlockSet(touching: first).union(BlockSet(touching: second)), blocks(first).union(blocks(second))),
        ] {
            #expect(Set(set.runs.flatMap { $0 }) == expected)
            #expect(set.count == Int64(expected.count))
            #expect(zip(set.runs, set.runs.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
        }
    }

    /// 3 MiB and an odd end, of which some is in use.
    private static let bytes = {
        var random = SeededGenerator(seed: 4)
        return random.bytes(1_300_000) + [UInt8](repeating: 0, count: 900_000) + random.bytes(950_777)
    }()
    private static let used = BlockSet(
        touching: [0..<5000, 100_000..<1_100_000, 1_500_000..<2_300_000, 3_100_000..<3_150_777])

    @Test("runs cover what is in use, and none crosses a chunk")
    func runs() {
        let map = BlockMap(byteCount: Int64(Self.bytes.count), used: Self.used)
        #expect(BlockSet(touching: map.runs.map { map.range(of: $0) }) == Self.used)
        for run in map.runs {
            let chunk = map.chunk(of: run)
            #expect(map.range(of: run).clamped(to: chunk) == map.range(of: run))
        }
        #expect(map.range(of: map.runs[map.runs.count - 1]).upperBound == 3_150_777)
        #expect(BlockMap(byteCount: 8192, used: BlockSet(touching: [4096..<99_999])).runs.map(\.blocks) == [1..<2])
    }

    @Test("digests are the same from one piece, from pieces and from reading", arguments: 0..<20 as Range<UInt64>)
    func digests(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let empty = BlockMap(byteCount: Int64(Self.bytes.count), used: Self.used)
        var whole = empty
        whole.look(at: Self.bytes.span.bytes, from: 0)
        #expect(whole.isComplete)
        var read = empty
        read.complete { range in Array(Self.bytes[Int(range.lowerBound)..<Int(range.upperBound)]) }
        #expect(read == whole)

        let reader = MemoryReader(Self.bytes)
        var digester = RangeDigester(empty)
        var expected = empty
        var start: Int64 = 0
        var stretch = start..<start
        // Pieces that touch make a stretch; those left out end it.
        while start < reader.byteCount {
            let end = min(reader.byteCount, start + Int64.random(in: 1...600_000, using: &random))
            if seed == 0 || Int.random(in: 0..<5, using: &random) > 0 {
                digester.take(try SparseBytes(of: reader, range: start..<end))
                stretch = stretch.lowerBound..<end
            } else {
                expected.look(at: Self.part(stretch).span.bytes, from: stretch.lowerBound)
                stretch = end..<end
            }
            start = end
        }
        expected.look(at: Self.part(stretch).span.bytes, from: stretch.lowerBound)
        #expect(digester.map == expected)
        #expect(digester.map.isComplete || seed > 0)
    }

    private static func part(_ range: Range<Int64>) -> [UInt8] {
        Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    @Test("what an image changes is neither taken from the base nor taken for the base's")
    func learning() {
        var base = BlockMap(byteCount: Int64(Self.bytes.count), used: Self.used)
        base.look(at: Self.bytes.span.bytes, from: 0)
        var known = RangeDigests()
        known.learn(from: base) { $0.lowerBound == 1 << 20 }
        var image = BlockMap(byteCount: Int64(Self.bytes.count), used: Self.used)
        image.learn(from: known) { $0.lowerBound == 0 }
        for (run, source) in zip(image.runs, base.runs) {
            let isKnown = image.chunk(of: run).lowerBound > 1 << 20
            #expect(run.digest == (isKnown ? source.digest : nil))
        }
    }
}
