internal import CLZMA
import Glibc

/// Unpacks .xz with liblzma's threaded decoder: block headers, indexes and checks are all verified by it.
struct XZUnpacker: ~Copyable {
    /// Above this many bytes liblzma uses fewer threads (two threads over xz -6 blocks take about 100 MiB).
    static let threadingLimit: UInt64 = 160 << 20
    /// Above this many bytes a stream is refused; xz -9 takes 65 MiB on one thread.
    static let memoryLimit: UInt64 = 192 << 20
    private static let threads: UInt32 = 2

    // LZMA_TELL_UNSUPPORTED_CHECK and LZMA_CONCATENATED of lzma/container.h, macros that Swift does not see.
    private static let flags: UInt32 = 0x02 | 0x08

    private let job: UnpackJob
    private let stream: UnsafeMutablePointer<lzma_stream>
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer

    init(_ job: UnpackJob) throws(BaseImageError) {
        self.job = job
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        input = .allocate(byteCount: UnpackJob.pieceSize, alignment: 64)
        output = .allocate(byteCount: UnpackJob.pieceSize, alignment: 4096)
        var options = lzma_mt()
        options.flags = Self.flags
        options.threads = Self.threads
        // Milliseconds after which a call returns without progress, so that a cancellation is seen.
        options.timeout = 200
        options.memlimit_threading = Self.threadingLimit
        options.memlimit_stop = Self.memoryLimit
        try check(lzma_stream_decoder_mt(stream, &options), consumed: 0)
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
        input.deallocate()
        output.deallocate()
    }

    /// Decodes the whole file into `writer`.
    func unpack(into writer: inout SparseWriter) throws(BaseImageError) {
        var offset: Int64 = 0
        var action = LZMA_RUN
        resetOutput()
        while true {
            if stream.pointee.avail_in == 0, action == LZMA_RUN {
                let count = try job.read(input, at: offset)
                offset += Int64(count)
                stream.pointee.next_in = UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = count
                if count < input.count { action = LZMA_FINISH }
            }
            let status = lzma_code(stream, action)
            if stream.pointee.avail_out == 0 || status == LZMA_STREAM_END {
                let count = output.count - stream.pointee.avail_out
                try writer.append(UnsafeRawBufferPointer(rebasing: output[..<count]))
                resetOutput()
            }
            let consumed = offset - Int64(stream.pointee.avail_in)
            try job.report(consumed: consumed, written: writer.byteCount)
            if status == LZMA_STREAM_END { return }
            try check(status, consumed: consumed)
        }
    }

    private func resetOutput() {
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
    }

    private func check(_ status: lzma_ret, consumed: Int64) throws(BaseImageError) {
        switch status {
        case LZMA_OK: return
        case LZMA_BUF_ERROR: throw .truncated(.xz)
        case LZMA_MEMLIMIT_ERROR: throw .memoryLimit(needed: lzma_memusage(stream), limit: Self.memoryLimit)
        // After the first stream this means that no other begins where one should.
        case LZMA_FORMAT_ERROR:
            throw consumed > 0 ? .trailingGarbage(.xz, offset: consumed) : .corrupt(.xz, reason: "no xz header")
        case LZMA_OPTIONS_ERROR: throw .corrupt(.xz, reason: "unknown options")
        case LZMA_UNSUPPORTED_CHECK: throw .corrupt(.xz, reason: "unknown kind of check")
        case LZMA_DATA_ERROR: throw .corrupt(.xz, reason: "a check failed")
        case LZMA_MEM_ERROR: throw .block(.system(errno: ENOMEM, operation: "unpack", path: job.source.path))
        default: throw .corrupt(.xz, reason: "liblzma error \(status.rawValue)")
        }
    }
}
