import Blocks
import Reports

/// How far opening a base image has come; all numbers are bytes.
package enum BaseImageProgress: Equatable, Sendable {
    /// Computing the file's sha256.
    case hashing(done: Int64, total: Int64)
    /// Reading a pipe to its end.
    case receiving
    /// Another build unpacks the same file; waiting for it.
    case waiting
    /// The image unpacked earlier is no longer what it was; it is unpacked again.
    case damaged(path: String)
    /// Unpacking: `consumed` of the file's `total` bytes gave `written` bytes of image.
    case unpacking(consumed: Int64, total: Int64, written: Int64)
}

/// What every unpacker needs: the packed file, where to report progress, and whether to go on.
struct UnpackContext: Sendable {
    static let pieceSize = 1 << 20

    let source: OpenFile
    /// Where the packed bytes begin in it; 0 unless they are a part of a file.
    var start: Int64 = 0
    /// Size of the packed file or part in bytes.
    let total: Int64
    let progress: @Sendable (BaseImageProgress) -> Void
    let isCancelled: @Sendable () -> Bool

    /// Reports progress; throws `cancelled` when the caller gave up.
    func report(consumed: Int64, written: Int64) throws(BaseImageError) {
        if isCancelled() { throw .cancelled }
        progress(.unpacking(consumed: min(consumed, total), total: total, written: written))
    }

    /// Reads the next piece of the packed file; shorter than `buffer` only at its end.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BaseImageError) -> Int {
        guard start > 0 else { return try wrapping(source.read(upTo: buffer, at: offset), as: BaseImageError.block) }
        let count = Int(min(Int64(buffer.count), max(0, total - offset)))
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        return try wrapping(source.read(upTo: part, at: start + offset), as: BaseImageError.block)
    }
}
