import Bases
import Blocks
import Reports
import Synchronization

/// What a build of packed images learns of its base's blocks on the way, for their maps.
///
/// Everything that is packed is digested when it is, so that no block of a packed base is decoded for a map alone
/// unless that is asked for (`BmapPolicy.always`).
struct BaseDigestCollector: Sendable {
    private let base: BaseImage
    private let writer: PackedImageWriter
    private let observe: Progress.Observer
    private let before: RangeDigests
    /// The base's, as far as it is known.
    private let map: SharedMap

    private final class SharedMap: Sendable {
        let value: Mutex<BlockMap>
        init(_ map: BlockMap) { value = Mutex(map) }
    }

    init(
        of base: BaseImage, requests: [ImageRequest], writer: PackedImageWriter, observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        self.base = base
        self.writer = writer
        self.observe = observe
        guard writer.isMapping, var map = requests.first?.emptyMap else {
            before = RangeDigests()
            self.map = SharedMap(BlockMap(byteCount: base.byteCount, used: BlockSet()))
            return
        }
        before = try base.runDigests(in: writer.cache, observe: observe)
        map.learn(from: before) { _ in false }
        self.map = SharedMap(map)
    }

    /// Whether every digest is wanted: where that needs no decoding, or is asked for.
    var isComplete: Bool { writer.isMapping && (writer.mapping == .always || base.packed == nil) }

    /// Digests what lies in some bytes of the base; from any thread.
    func look(at bytes: RawSpan, from offset: Int64) {
        let range = offset..<offset + Int64(bytes.byteCount)
        var part = map.value.withLock { $0.part(in: range) }
        guard !part.isComplete else { return }
        part.look(at: bytes, from: offset)
        var found = RangeDigests()
        found.learn(from: part)
        let digests = found
        map.value.withLock { $0.learn(from: digests) { _ in false } }
    }

    /// Everything known now, which is kept for later builds; what no packing looked at is read if it must be.
    func finish() throws(ForgeError) -> RangeDigests {
        if isComplete { try complete() }
        var digests = before
        digests.learn(from: map.value.withLock { $0 })
        // What cannot be kept is found anew: no reason to fail when the images are there.
        if digests != before, (try? base.checkUnchanged()) != nil {
            try? writer.cache.keep(digests, of: base.sourceDigest, name: writer.baseName)
        }
        return digests
    }

    private func complete() throws(ForgeError) {
        let known = map.value.withLock { $0 }
        let missing = known.runs.filter { $0.digest == nil }.map { known.range(of: $0) }
        var next = 0
        let pieces = base.reader.pieces.filter { piece in
            while next < missing.count, missing[next].upperBound <= piece.lowerBound { next += 1 }
            return next < missing.count && missing[next].lowerBound < piece.upperBound
        }
        guard !pieces.isEmpty else { return }
        let total = pieces.reduce(0) { $0 + Int64($1.count) }
        let digester = Mutex(RangeDigester(known))
        let done = Mutex<Int64>(0)
        let failure = Mutex<ForgeError?>(nil)
        FanOutReader(base: base.reader, consumers: 1, pieces: pieces).run(
            consume: { (_, piece) throws(ForgeError) in
                try Interruption.check()
                digester.withLock { $0.take(piece) }
                let now = done.withLock { done in
                    done += Int64(piece.range.count)
                    return done
                }
                observe(Progress(stage: .map, subject: writer.baseName, done: now, total: total))
            },
            finish: { _, error in failure.withLock { $0 = error } })
        if let error = failure.withLock({ $0 }) { throw error }
        let found = digester.withLock { $0.map }
        map.value.withLock { $0 = found }
    }
}
