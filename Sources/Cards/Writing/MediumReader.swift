import Blocks

/// What is on a card now, as bytes at any offset.
struct MediumReader: BlockReader {
    let medium: any CardMedium

    var byteCount: Int64 { medium.byteCount }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        let start = offset / WriteMap.grid * WriteMap.grid
        let end = min(WriteMap.roundedUp(offset + Int64(buffer.byteCount)), byteCount)
        let aligned = AlignedBuffer(byteCount: Int(end - start))
        try medium.fill(aligned.prefix(Int(end - start)), at: start)
        let wanted = Int(offset - start)..<Int(offset - start) + buffer.byteCount
        buffer.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(aligned.part(wanted))) }
    }
}
