import Blocks

/// A base with other bytes in a few places, or with its end cut off.
struct PatchedReader: BlockReader {
    var base: any BlockReader
    var patches: [Int64: UInt8] = [:]
    var byteCount: Int64

    init(_ base: any BlockReader, byteCount: Int64? = nil) {
        self.base = base
        self.byteCount = byteCount ?? base.byteCount
    }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        try base.read(into: &buffer, at: offset)
        let end = offset + Int64(buffer.byteCount)
        buffer.withUnsafeMutableBytes { bytes in
            for (place, byte) in patches where place >= offset && place < end { bytes[Int(place - offset)] = byte }
        }
    }

    func byte(at offset: Int64) throws(BlockError) -> UInt8 { try bytes(at: offset, count: 1)[0] }
}
