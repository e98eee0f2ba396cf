/// Bytes at offsets that nobody can change: the base image, shared by every slot.
///
/// Reads are positional; there is no cursor. A read that does not lie wholly inside `0..<byteCount`
/// throws `BlockError.outOfBounds`.
package protocol BlockReader: Sendable {
    /// Size in bytes.
    var byteCount: Int64 { get }

    /// Fills the whole `buffer` with the bytes that start at `offset`.
    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError)

    /// The first range at or after `offset` that may hold bytes other than zero; `nil` when only zeros follow.
    ///
    /// A reader that knows its holes (a sparse file) names the rest here; every byte outside such ranges reads as zero.
    func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>?

    /// The whole reader, in order and without gaps, cut into what is best read at one go.
    var pieces: [Range<Int64>] { get }

    /// Reads one of `pieces`, which the caller will not ask for again.
    func takePiece(_ range: Range<Int64>) throws(BlockError) -> SparseBytes
}

extension BlockReader {
    package var pieces: [Range<Int64>] {
        stride(from: 0, to: byteCount, by: 4 << 20).map { $0..<min($0 + (4 << 20), byteCount) }
    }

    package func takePiece(_ range: Range<Int64>) throws(BlockError) -> SparseBytes {
        try SparseBytes(of: self, range: range)
    }

    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        offset < byteCount ? max(0, offset)..<byteCount : nil
    }
}

/// Bytes at offsets with one owner, who may change them: an overlay, a slice of one, or a file.
///
/// Bounds are as for `BlockReader`; a write never grows the device.
package protocol BlockDevice: AnyObject {
    /// Size in bytes.
    var byteCount: Int64 { get }

    /// Fills the whole `buffer` with the bytes that start at `offset`.
    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError)

    /// Stores all of `bytes` from `offset` on.
    func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError)

    /// Stores `count` bytes of a reader, from its byte `start` on; the device may keep the reader and read them later.
    func place(_ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64) throws(BlockError)
}

extension BlockDevice {
    /// Copies them, a piece at a time.
    package func place(
        _ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64
    ) throws(BlockError) {
        let piece: Int64 = 1 << 20
        var done: Int64 = 0
        while done < count {
            let length = min(piece, count - done)
            try write(reader.bytes(at: start + done, count: Int(length)), at: offset + done)
            done += length
        }
    }
}

extension BlockReader {
    /// A copy of `count` bytes from `offset`.
    package func bytes(at offset: Int64, count: Int) throws(BlockError) -> [UInt8] {
        try checkBounds(offset: offset, count: count, size: byteCount)
        var failure: BlockError?
        // Unlike filling an array of zeros, this touches the memory once.
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var raw = MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(buffer))
            do throws(BlockError) {
                try read(into: &raw, at: offset)
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension BlockDevice {
    /// A copy of `count` bytes from `offset`.
    package func bytes(at offset: Int64, count: Int) throws(BlockError) -> [UInt8] {
        try checkBounds(offset: offset, count: count, size: byteCount)
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        try read(into: &raw, at: offset)
        return bytes
    }

    /// Stores an array from `offset` on.
    package func write(_ bytes: [UInt8], at offset: Int64) throws(BlockError) {
        try write(bytes.span.bytes, at: offset)
    }
}

/// Throws unless `count` bytes at `offset` lie inside a device of `size` bytes; no sum can overflow.
package func checkBounds(offset: Int64, count: Int, size: Int64) throws(BlockError) {
    guard offset >= 0, count >= 0, Int64(count) <= size, offset <= size - Int64(count) else {
        throw BlockError.outOfBounds(offset: offset, count: count, size: size)
    }
}
