package import Blocks
import Synchronization

/// A reader whose n-th read fails, counted from 1; those before and after it do not.
package final class FailingReader: BlockReader {
    private let base: any BlockReader
    private let failing: Int
    private let count = Mutex(0)

    package init(_ base: any BlockReader, failing: Int) {
        self.base = base
        self.failing = failing
    }

    package var reads: Int { count.withLock { $0 } }
    package var byteCount: Int64 { base.byteCount }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let number = count.withLock { count in
            count += 1
            return count
        }
        if number == failing { throw FaultyDevice.error }
        try base.read(into: &buffer, at: offset)
    }
}
