/// A range of another device, seen as a device of its own: one partition of an image.
package final class Slice: BlockDevice {
    private let base: any BlockDevice
    private let window: Window

    /// Where the slice lies in the device below, in bytes.
    package var range: Range<Int64> { window.range }
    package var byteCount: Int64 { window.byteCount }

    /// Throws `outOfBounds` unless `range` lies inside `base`.
    package init(of base: any BlockDevice, range: Range<Int64>) throws(BlockError) {
        window = try Window(range, of: base.byteCount)
        self.base = base
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try base.read(into: &buffer, at: window.place(of: offset, count: buffer.byteCount))
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        try base.write(bytes, at: window.place(of: offset, count: bytes.byteCount))
    }

    package func place(
        _ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64
    ) throws(BlockError) {
        guard let length = Int(exactly: count) else {
            throw .outOfBounds(offset: offset, count: Int.max, size: byteCount)
        }
        try base.place(reader, from: start, count: count, at: window.place(of: offset, count: length))
    }
}

/// A range of a reader, seen as a reader of its own.
package struct ReaderSlice: BlockReader {
    private let base: any BlockReader
    private let window: Window

    /// Where the slice lies in the reader below, in bytes.
    package var range: Range<Int64> { window.range }
    package var byteCount: Int64 { window.byteCount }

    /// Throws `outOfBounds` unless `range` lies inside `base`.
    package init(of base: any BlockReader, range: Range<Int64>) throws(BlockError) {
        window = try Window(range, of: base.byteCount)
        self.base = base
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try base.read(into: &buffer, at: window.place(of: offset, count: buffer.byteCount))
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

/// A range of something larger.
private struct Window {
    let range: Range<Int64>

    var byteCount: Int64 { range.upperBound - range.lowerBound }

    /// Throws `outOfBounds` unless `range` lies inside `size` bytes.
    init(_ range: Range<Int64>, of size: Int64) throws(BlockError) {
        guard range.lowerBound >= 0, range.upperBound <= size else {
            let count = range.upperBound.subtractingReportingOverflow(range.lowerBound)
            throw .outOfBounds(
                offset: range.lowerBound, count: count.overflow ? Int.max : Int(count.partialValue), size: size)
        }
        self.range = range
    }

    /// Where `count` bytes at `offset` lie below.
    func place(of offset: Int64, count: Int) throws(BlockError) -> Int64 {
        try checkBounds(offset: offset, count: count, size: byteCount)
        return range.lowerBound + offset
    }
}
