/// Why bytes could not be read or written.
package enum BlockError: Error, Equatable, Sendable {
    /// A range outside the device was asked for; `size` is the device's size in bytes.
    case outOfBounds(offset: Int64, count: Int, size: Int64)
    /// The operating system refused: `errno` and what was being done ("read", "write", "open", …) to which file.
    case system(errno: Int32, operation: String, path: String)
    /// The file ended at `found` bytes where `expected` were promised.
    case truncated(path: String, expected: Int64, found: Int64)
    /// A file is no longer what it was when it was opened.
    case changed(path: String)
    /// Packed data, at `offset` of the file, is not what its own checks promise.
    case damaged(path: String, offset: Int64, reason: String)
    /// The run was interrupted meanwhile.
    case cancelled
}
