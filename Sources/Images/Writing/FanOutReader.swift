package import Blocks
import Dispatch
import Glibc
package import Reports
import Synchronization

/// One pass over a base for many consumers: each piece is read once, by whichever core is free, and every consumer
/// gets all pieces in order.
///
/// ```
///   pieces      0     1     2     3     4
///   read      [###] [###] [###] [...]              a few ahead, bounded by memory
///   consumer 0  ok    ok   [.]                     one piece at a time each, different consumers side by side
///   consumer 1  ok   [.]
/// ```
package struct FanOutReader: Sendable {
    let base: any BlockReader
    let consumers: Int
    /// What of the base is read; nil for all.
    var pieces: [Range<Int64>]?
    /// Cores to use.
    var width = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    package init(
        base: any BlockReader, consumers: Int, pieces: [Range<Int64>]? = nil,
        width: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    ) {
        self.base = base
        self.consumers = consumers
        self.pieces = pieces
        self.width = width
    }

    /// Pieces are read ahead while those in memory are below so many bytes.
    static let memoryLimit: Int64 = 72 << 20

    package typealias Consume = @Sendable (_ consumer: Int, _ piece: SparseBytes) throws(ForgeError) -> Void
    /// Called once for each consumer, after its last piece or with what went wrong.
    package typealias Finish = @Sendable (_ consumer: Int, _ failure: ForgeError?) -> Void

    /// Returns when all consumers are finished.
    package func run(consume: @escaping Consume, finish: @escaping Finish) {
        let schedule = ReadAheadScheduler(pieces: pieces ?? base.pieces, consumers: consumers)
        // A lone thread finishes the work too, so it does not matter how many of these are given one.
        DispatchQueue.concurrentPerform(iterations: width) { _ in
            while let task = schedule.next() {
                switch task {
                case .read(let number, let range):
                    do throws(BlockError) {
                        schedule.didRead(number, try base.takePiece(range))
                    } catch {
                        schedule.didFail(ForgeError(error))
                    }
                case .consume(let consumer, let piece):
                    do throws(ForgeError) {
                        try consume(consumer, piece)
                        schedule.didConsume(consumer)
                    } catch {
                        schedule.didConsume(consumer, failure: error)
                    }
                case .finish(let consumer, let failure):
                    finish(consumer, failure)
                    schedule.didFinish(consumer)
                }
            }
        }
    }
}
