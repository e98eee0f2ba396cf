import Synchronization

/// What this process did with bytes so far, for whoever asks what a build cost.
package struct Work: Equatable, Sendable {
    /// Bytes of images that came out of decoders.
    package var decoded: Int64
    /// Bytes of images that went into encoders.
    package var encoded: Int64
    /// Packed bytes that went from one file to another as they were.
    package var copied: Int64
    /// Bytes written, to outputs and to the cache; holes and clones cost none.
    package var written: Int64

    package static var soFar: Work {
        Work(
            decoded: decodedCount.load(ordering: .relaxed), encoded: encodedCount.load(ordering: .relaxed),
            copied: copiedCount.load(ordering: .relaxed), written: writtenCount.load(ordering: .relaxed))
    }

    private static let decodedCount = Atomic<Int64>(0)
    private static let encodedCount = Atomic<Int64>(0)
    private static let copiedCount = Atomic<Int64>(0)
    private static let writtenCount = Atomic<Int64>(0)

    package static func add(decoded count: Int64) { decodedCount.add(count, ordering: .relaxed) }
    package static func add(encoded count: Int64) { encodedCount.add(count, ordering: .relaxed) }
    package static func add(copied count: Int64) { copiedCount.add(count, ordering: .relaxed) }
    package static func add(written count: Int64) { writtenCount.add(count, ordering: .relaxed) }
}
