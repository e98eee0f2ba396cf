import Blocks

/// Stands in for a device: bytes at offsets over another reader, or over zeros.
struct PatchedImage: BlockReader {
    let byteCount: Int64
    private let base: (any BlockReader)?
    private let pieces: [(offset: Int64, bytes: [UInt8])]

    /// Of overlapping pieces the later one is seen; what lies outside `byteCount` is cut off.
    init(byteCount: Int64, pieces: [(offset: Int64, bytes: [UInt8])]) {
        self.byteCount = byteCount
        self.pieces = pieces
        base = nil
    }

    init(over base: any BlockReader, pieces: [(offset: Int64, bytes: [UInt8])]) {
        byteCount = base.byteCount
        self.base = base
        self.pieces = pieces
    }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let count = buffer.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        try base?.read(into: &buffer, at: offset)
        let wanted = offset..<(offset + Int64(count))
        let isEmpty = base == nil
        let pieces = pieces
        buffer.withUnsafeMutableBytes { target in
            if isEmpty { target.initializeMemory(as: UInt8.self, repeating: 0) }
            for (start, bytes) in pieces {
                let common = wanted.clamped(to: start..<(start + Int64(bytes.count)))
                guard !common.isEmpty else { continue }
                bytes.withUnsafeBytes { source in
                    let from = Int(common.lowerBound - start)..<Int(common.upperBound - start)
                    UnsafeMutableRawBufferPointer(rebasing: target[Int(common.lowerBound - offset)...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from]))
                }
            }
        }
    }
}

/// An input as changes to something healthy.
///
/// ```
///   1 byte choice | 2 bytes zone, 2 bytes offset, 1 byte length, that many bytes | 2 bytes zone ...
/// ```
struct PatchInput {
    struct Patch {
        var zone: Int
        var offset: Int
        var bytes: [UInt8]
    }

    let choice: Int
    private(set) var patches: [Patch] = []

    init(_ input: [UInt8]) {
        choice = Int(input.first ?? 0)
        var rest = input.dropFirst()
        while rest.count > 5 {
            let head = rest.prefix(5).map(Int.init)
            let bytes = Array(rest.dropFirst(5).prefix(head[4]))
            patches.append(Patch(zone: head[0] | head[1] << 8, offset: head[2] | head[3] << 8, bytes: bytes))
            rest = rest.dropFirst(5 + head[4])
        }
    }
}
