import CZlib
import Blocks
import Glibc

/// The bytes in a .gz file by zlib, member by member; libarchive's gzip filter does not verify the CRC-32.
final class GzipStreamDecoder: ByteStream {
    private let job: UnpackContext
    private let stream: UnsafeMutablePointer<z_stream>
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer
    /// Where the next piece of the file begins.
    private var offset: Int64 = 0
    private var isAtEnd = false

    init(_ job: UnpackContext) throws(BaseImageError) {
        self.job = job
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        input = .allocate(byteCount: UnpackContext.pieceSize, alignment: 64)
        output = .allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        // 15 bits of window, + 16 for a gzip wrapper and nothing else.
        try check(inflateInit2_(stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)))
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        input.deallocate()
        output.deallocate()
    }

    var consumed: Int64 { offset - Int64(stream.pointee.avail_in) }

    /// Zeros may follow the last member.
    func next() throws(BaseImageError) -> StreamPiece? {
        resetOutput()
        while !isAtEnd, stream.pointee.avail_out > 0 {
            if job.isCancelled() { throw .cancelled }
            if stream.pointee.avail_in == 0 {
                guard try refill() else { throw .truncated(.gzip) }
            }
            let status = inflate(stream, Z_NO_FLUSH)
            if status == Z_STREAM_END {
                isAtEnd = try !beginNextMember()
            } else if status != Z_BUF_ERROR {
                try check(status)
            }
        }
        let count = output.count - Int(stream.pointee.avail_out)
        return count > 0 ? .bytes(UnsafeRawBufferPointer(rebasing: output[..<count])) : nil
    }

    /// Whether another member follows; throws when something else does.
    private func beginNextMember() throws(BaseImageError) -> Bool {
        var sawPadding = false
        while true {
            if stream.pointee.avail_in == 0 {
                guard try refill() else { return false }
            }
            guard let next = stream.pointee.next_in?.pointee else { return false }
            if next != 0 {
                let position = offset - Int64(stream.pointee.avail_in)
                guard next == 0x1F, !sawPadding else { throw .trailingGarbage(.gzip, offset: position) }
                try check(inflateReset(stream))
                return true
            }
            sawPadding = true
            stream.pointee.next_in += 1
            stream.pointee.avail_in -= 1
        }
    }

    /// Reads the next piece; `false` at the end of the file.
    private func refill() throws(BaseImageError) -> Bool {
        let count = try job.read(input, at: offset)
        offset += Int64(count)
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = CUnsignedInt(count)
        return count > 0
    }

    private func resetOutput() {
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = CUnsignedInt(output.count)
    }

    private func check(_ status: CInt) throws(BaseImageError) {
        switch status {
        case Z_OK: return
        case Z_MEM_ERROR: throw .block(.system(errno: ENOMEM, operation: "unpack", path: job.source.path))
        case Z_NEED_DICT: throw .corrupt(.gzip, reason: "it wants a dictionary")
        default:
            throw .corrupt(.gzip, reason: stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)")
        }
    }
}
