import Blocks
import Reports
import Synchronization

/// One card of a run, for whichever thread works on it at the moment.
final class SharedCardWriter: Sendable {
    /// Where it stands among the run's requests.
    let requestIndex: Int
    /// For progress: the slot's name, or the device.
    let name: String
    let map: WriteMap
    private let path: String
    private let work: Mutex<CardWriter>
    private let isTouched = Atomic<Bool>(false)

    /// `patch`: what is written over the base; the request's own, or one that fills the card besides.
    init(
        _ request: CardRequest, at requestIndex: Int, map: WriteMap, patch: Patch, growth: CardOutcome.Growth?,
        isChangedOnly: Bool, wantsDigest: Bool
    ) {
        self.requestIndex = requestIndex
        self.map = map
        name = request.name
        path = request.medium.path
        work = Mutex(
            CardWriter(
                medium: request.medium, map: map, patch: patch, image: request.patch, growth: growth,
                isChangedOnly: isChangedOnly, wantsDigest: wantsDigest))
    }

    var toCheck: [Range<Int64>] { work.withLock { $0.toCheck } }

    func begin() throws(ForgeError) { try step { (work) throws(ForgeError) in try work.begin() } }

    func write(_ piece: SparseBytes) throws(ForgeError) -> CardWriter.Share {
        try step { (work) throws(ForgeError) in try work.write(piece) }
    }

    func settle() throws(ForgeError) { try step { (work) throws(ForgeError) in try work.settle() } }

    func check(_ piece: SparseBytes) throws(ForgeError) -> CardWriter.Share {
        try step { (work) throws(ForgeError) in try work.check(piece) }
    }

    func finish(base: any BlockReader) throws(ForgeError) -> CardOutcome {
        try step { (work) throws(ForgeError) in try work.finish(base: base) }
    }

    private func step<Value>(
        _ body: (inout CardWriter) throws(ForgeError) -> sending Value
    ) throws(ForgeError) -> sending Value {
        try work.withLock { (work) throws(ForgeError) in
            defer { if work.isErased { isTouched.store(true, ordering: .relaxed) } }
            return try body(&work)
        }
    }

    /// An interruption, in words that fit a card which has lost its table already.
    func explained(_ error: ForgeError) -> ForgeError {
        error.kind == .interrupted && isTouched.load(ordering: .relaxed) ? .interruptedCard(path) : error
    }
}
