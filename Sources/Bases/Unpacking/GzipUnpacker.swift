import CZlib
import Glibc

/// Unpacks .gz with zlib, member by member; libarchive's gzip filter does not verify the CRC-32.
struct GzipUnpacker: ~Copyable {
    private let job: UnpackContext
    private let stream: UnsafeMutablePointer<z_stream>
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer

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

    /// Decodes the whole file into `writer`; zeros may follow the last member.
    func unpack(into writer: inout SparseWriter) throws(BaseImageError) {
        var offset: Int64 = 0
        resetOutput()
        while true {
            if stream.pointee.avail_in == 0 {
                guard try refill(&offset) else { throw .truncated(.gzip) }
            }
            let status = inflate(stream, Z_NO_FLUSH)
            let consumed = offset - Int64(stream.pointee.avail_in)
            if stream.pointee.avail_out == 0 || status == Z_STREAM_END {
                let count = output.count - Int(stream.pointee.avail_out)
                try writer.append(UnsafeRawBufferPointer(rebasing: output[..<count]))
                resetOutput()
            }
            try job.report(consumed: consumed, written: writer.byteCount)
            if status == Z_STREAM_END {
                guard try beginNextMember(&offset) else { return }
            } else if status != Z_BUF_ERROR {
                try check(status)
            }
        }
    }

    /// Whether another member follows; throws when something else does.
    private func beginNextMember(_ offset: inout Int64) throws(BaseImageError) -> Bool {
        var sawPadding = false
        while true {
            if stream.pointee.avail_in == 0 {
                guard try refill(&offset) else { return false }
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
    private func refill(_ offset: inout Int64) throws(BaseImageError) -> Bool {
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
