/// A range of another device, seen as a device of its own: one partition of an image.
package final class Slice: BlockDevice {
    /// Where the slice lies in the device below, in bytes.
    package let range: Range<Int64>
    private let base: any BlockDevice

    package var byteCount: Int64 { range.upperBound - range.lowerBound }

    /// Throws `outOfBounds` unless `range` lies inside `base`.
    package init(of base: any BlockDevice, range: Range<Int64>) throws(BlockError) {
        try checkRange(range, size: base.byteCount)
        self.base = base
        self.range = range
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        try base.read(into: &buffer, at: range.lowerBound + offset)
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: bytes.byteCount, size: byteCount)
        try base.write(bytes, at: range.lowerBound + offset)
    }

    package func place(
        _ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64
    ) throws(BlockError) {
        guard let length = Int(exactly: count) else {
            throw .outOfBounds(offset: offset, count: Int.max, size: byteCount)
        }
        try checkBounds(offset: offset, count: length, size: byteCount)
        try base.place(reader, from: start, count: count, at: range.lowerBound + offset)
    }
}

/// A range of a reader, seen as a reader of its own.
package struct ReaderSlice: BlockReader {
    /// Where the slice lies in the reader below, in bytes.
    package let range: Range<Int64>
    private let base: any BlockReader

    package var byteCount: Int64 { range.upperBound - range.lowerBound }

    /// Throws `outOfBounds` unless `range` lies inside `base`.
    package init(of base: any BlockReader, range: Range<Int64>) throws(BlockError) {
        try checkRange(range, size: base.byteCount)
        self.base = base
        self.range = range
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        try base.read(into: &buffer, at: range.lowerBound + offset)
    }

    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        guard offset < byteCount, let found = try base.nextData(from: range.lowerBound + max(0, offset)) else {
            return nil
        }
        guard found.lowerBound < range.upperBound else { return nil }
        let start = found.lowerBound - range.lowerBound
        return start..<(min(found.upperBound, range.upperBound) - range.lowerBound)
    }
}

/// Throws `outOfBounds` unless `range` lies inside a device of `size` bytes.
private func checkRange(_ range: Range<Int64>, size: Int64) throws(BlockError) {
    guard range.lowerBound >= 0, range.upperBound <= size else {
        let count = range.upperBound.subtractingReportingOverflow(range.lowerBound)
        throw .outOfBounds(
            offset: range.lowerBound, count: count.overflow ? Int.max : Int(count.partialValue), size: size)
    }
}
