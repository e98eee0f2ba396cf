package import Blocks
import Dispatch
import Glibc
package import Images
package import Reports
import Synchronization

/// One card that shall become an image: the base with a patch laid over it.
package struct CardRequest: Sendable {
    /// For progress: the slot's name, or the device.
    var name: String
    var medium: any CardMedium
    /// What is on the card now.
    var label: CardLabel?
    var patch: Patch
    /// The blocks of the image that anything may read; nil for all.
    var used: BlockSet?

    package init(name: String, medium: any CardMedium, label: CardLabel? = nil, patch: Patch, used: BlockSet? = nil) {
        self.name = name
        self.medium = medium
        self.label = label
        self.patch = patch
        self.used = used
    }
}

/// Writes one or several cards from one base: two passes over it, one to write and one to read back, each of which
/// reads and decodes every part of the base once for all cards.
package struct FlashSession: Sendable {
    let base: any BlockReader
    let requests: [CardRequest]
    /// The fingerprint of what the base was first made from, by which cards that can be changed in part are known.
    let origin: String?
    /// Whether only blocks are written that differ from what is on a card.
    let isChangedOnly: Bool
    /// Whether the root partition shall fill each card. One that fills its card already is kept so in any case.
    var isGrowing = false
    /// Whether the image is digested, without what makes it fill a card.
    let wantsDigest: Bool
    /// The file that the base's bytes come out of: a card gets its table only if nobody has changed that meanwhile.
    var baseFile: UnchangedFile?

    package init(
        base: any BlockReader, requests: [CardRequest], origin: String?, isChangedOnly: Bool, isGrowing: Bool = false,
        wantsDigest: Bool, baseFile: UnchangedFile? = nil
    ) {
        self.base = base
        self.requests = requests
        self.origin = origin
        self.isChangedOnly = isChangedOnly
        self.isGrowing = isGrowing
        self.wantsDigest = wantsDigest
        self.baseFile = baseFile
    }

    /// Called with a request's index, from any thread.
    package typealias Finish = @Sendable (Int, Result<CardOutcome, ForgeError>) -> Void

    /// Calls `finished` exactly once for each request. One that fails does not keep the others from being finished.
    /// Blocks the calling thread.
    package func run(observe: @escaping Progress.Observer, finished: @escaping Finish) {
        var alive = each(prepare(finished), finished) { (card) throws(ForgeError) in try card.begin() }
        let whole = filled(alive)
        let mapped = pieces(of: whole, touching: alive.map(\.map.body))
        let behind = mapped.filter { $0.lowerBound >= base.byteCount }
        alive = pass(over: whole, wantsDigest ? base.pieces + behind : mapped, alive, finished) {
            (card, piece) throws(ForgeError) in
            let (done, total) = try card.write(piece)
            observe(Progress(stage: .write, subject: card.name, done: done, total: total))
        }
        alive = each(alive, finished) { (card) throws(ForgeError) in try card.settle() }
        alive = pass(over: whole, pieces(of: whole, touching: alive.map(\.toCheck)), alive, finished) {
            (card, piece) throws(ForgeError) in
            let (done, total) = try card.check(piece)
            observe(Progress(stage: .check, subject: card.name, done: done, total: total))
        }
        _ = each(alive, finished) { (card) throws(ForgeError) in
            _ = try BlockError.wrapping(baseFile?.check())
            let outcome = try card.finish(base: base)
            observe(Progress(stage: .check, subject: card.name, done: card.map.byteCount, total: card.map.byteCount))
            finished(card.requestIndex, .success(outcome))
        }
    }

    /// The base, with zeros up to the end of the longest card that it fills.
    private func filled(_ cards: [SharedCardWriter]) -> any BlockReader {
        let end = cards.map(\.map.end).max() ?? base.byteCount
        return end > base.byteCount ? (try? ExtendedReader(base, byteCount: end)) ?? base : base
    }

    private func pieces(of base: any BlockReader, touching ranges: [[Range<Int64>]]) -> [Range<Int64>] {
        // A block of the grid may begin in the piece before.
        base.pieces.filter { piece in
            let wide = piece.lowerBound / WriteMap.grid * WriteMap.grid..<WriteMap.roundedUp(piece.upperBound)
            return ranges.contains { $0.touches(wide) }
        }
    }

    /// Does one step of every card side by side, and returns those that are still well.
    private func each(
        _ cards: [SharedCardWriter], _ finished: @escaping Finish,
        _ step: @Sendable (SharedCardWriter) throws(ForgeError) -> Void
    ) -> [SharedCardWriter] {
        let well = Mutex<Set<Int>>([])
        DispatchQueue.concurrentPerform(iterations: cards.count) { index in
            do throws(ForgeError) {
                try step(cards[index])
                well.withLock { _ = $0.insert(index) }
            } catch {
                finished(cards[index].requestIndex, .failure(cards[index].explained(error)))
            }
        }
        return well.withLock { well in cards.indices.filter { well.contains($0) }.map { cards[$0] } }
    }

    private func pass(
        over base: any BlockReader, _ pieces: [Range<Int64>], _ cards: [SharedCardWriter], _ finished: @escaping Finish,
        _ step: @escaping @Sendable (SharedCardWriter, SparseBytes) throws(ForgeError) -> Void
    ) -> [SharedCardWriter] {
        guard !cards.isEmpty, !pieces.isEmpty else { return cards }
        let well = Mutex<Set<Int>>([])
        // A thread that waits for a card needs no core.
        let width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) + cards.count
        FanOutReader(base: base, consumers: cards.count, pieces: pieces, width: width).run(
            consume: { (index, piece) throws(ForgeError) in try step(cards[index], piece) },
            finish: { index, failure in
                if let failure {
                    finished(cards[index].requestIndex, .failure(cards[index].explained(failure)))
                } else {
                    well.withLock { _ = $0.insert(index) }
                }
            })
        return well.withLock { well in cards.indices.filter { well.contains($0) }.map { cards[$0] } }
    }
}
