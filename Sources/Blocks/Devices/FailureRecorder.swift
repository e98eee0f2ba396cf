import Synchronization

/// Passes reads on and keeps the first that failed: for a search that takes what it cannot read for something that is not
/// there, and must not when it was the device that failed.
package final class FailureRecorder: BlockReader {
    private let base: any BlockReader
    private let first = Mutex<BlockError?>(nil)

    package init(_ base: any BlockReader) { self.base = base }

    package var byteCount: Int64 { base.byteCount }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        do throws(BlockError) {
            try base.read(into: &buffer, at: offset)
        } catch {
            // What leads out of the image is a fault of the image.
            if case .outOfBounds = error { throw error }
            first.withLock { $0 = $0 ?? error }
            throw error
        }
    }

    /// Throws the failure, if there was one.
    package func check() throws(BlockError) {
        if let error = first.withLock({ $0 }) { throw error }
    }
}
