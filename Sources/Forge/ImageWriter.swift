package import Blocks
import Glibc

/// Writes base and overlay as one sparse image file and hashes it on the way.
package enum ImageWriter {
    /// Bytes moved at a time.
    private static let chunk = 1 << 20
    /// Runs of zeros of at least this many bytes become holes; a file system's usual block.
    private static let holeSize = 4096

    /// Fills `output`; `observe` is told how many bytes of the image are done.
    ///
    /// The digest is that of the whole image, holes included, as `sha256sum` sees it.
    package static func write(
        _ overlay: Overlay, to output: borrowing OutputFile, observe: (Int64) -> Void
    ) throws -> SHA256Digest {
        try output.setByteCount(overlay.byteCount)
        var hasher = SHA256()
        var position: Int64 = 0
        // The walk's closure may not capture a borrowed parameter.
        let descriptor = output.descriptor
        let path = output.path
        try overlay.forEachData(chunk: chunk) { offset, bytes in
            try Interruption.check()
            hasher.updateZeros(count: offset - position)
            hasher.update(bytes)
            try writeData(bytes, at: offset, to: descriptor, path: path)
            position = offset + Int64(bytes.byteCount)
            observe(position)
        }
        hasher.updateZeros(count: overlay.byteCount - position)
        observe(overlay.byteCount)
        return hasher.finalize()
    }

    /// Writes the parts of `bytes` that are not zeros.
    private static func writeData(_ bytes: RawSpan, at offset: Int64, to descriptor: Int32, path: String)
        throws(ForgeError)
    {
        var start: Int?  // of the run to write
        var index = 0
        while index < bytes.byteCount {
            // Blocks are those of the file, so that a hole is one for the file system too.
            let length = min(holeSize - Int((offset + Int64(index)) % Int64(holeSize)), bytes.byteCount - index)
            if isZero(bytes.extracting(index..<(index + length))) {
                if let first = start {
                    try OutputFile.write(
                        bytes.extracting(first..<index), at: offset + Int64(first), to: descriptor, path: path)
                    start = nil
                }
            } else if start == nil {
                start = index
            }
            index += length
        }
        if let first = start {
            try OutputFile.write(bytes.extracting(first..<index), at: offset + Int64(first), to: descriptor, path: path)
        }
    }

    private static func isZero(_ bytes: RawSpan) -> Bool {
        bytes.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress, bytes.count > 1 else { return bytes.allSatisfy { $0 == 0 } }
            // Zero all along when the first byte is zero and every byte equals the one after it.
            return bytes[0] == 0 && memcmp(address, address + 1, bytes.count - 1) == 0
        }
    }
}

extension SHA256 {
    fileprivate static let zeros = [UInt8](repeating: 0, count: 1 << 16)

    /// Hashes `count` zeros, which a hole reads as.
    fileprivate mutating func updateZeros(count: Int64) {
        var left = count
        while left > 0 {
            let length = Int(min(left, Int64(Self.zeros.count)))
            update(Self.zeros.span.bytes.extracting(0..<length))
            left -= Int64(length)
        }
    }
}
