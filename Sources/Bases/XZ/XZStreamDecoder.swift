import CLZMA
import Blocks
import Glibc

/// The bytes in an .xz file, by liblzma's threaded decoder: block headers, indexes and checks are all verified by it.
final class XZStreamDecoder: ByteStream {
    /// Above this many bytes liblzma uses fewer threads (two threads over xz -6 blocks take about 100 MiB).
    static let threadingLimit: UInt64 = 160 << 20
    /// Above this many bytes a stream is refused; xz -9 takes 65 MiB on one thread.
    static let memoryLimit: UInt64 = 192 << 20
    private static let threads: UInt32 = 2

    /// LZMA_TELL_UNSUPPORTED_CHECK of lzma/container.h, a macro that Swift does not see. Concatenated streams are found
    /// here and not by the library, which cannot distinguish garbage between them from damage.
    private static let flags: UInt32 = 0x02
    private static let magic: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]

    private let job: UnpackContext
    private let stream: UnsafeMutablePointer<lzma_stream>
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer
    /// Where the next piece of the file begins.
    private var offset: Int64 = 0
    private var action = LZMA_RUN
    private var isAtEnd = false

    init(_ job: UnpackContext) throws(BaseImageError) {
        self.job = job
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        input = .allocate(byteCount: UnpackContext.pieceSize, alignment: 64)
        output = .allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        try begin()
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
        input.deallocate()
        output.deallocate()
    }

    var consumed: Int64 { offset - Int64(stream.pointee.avail_in) }

    func next() throws(BaseImageError) -> StreamPiece? {
        resetOutput()
        while !isAtEnd, stream.pointee.avail_out > 0 {
            if job.isCancelled() { throw .cancelled }
            if stream.pointee.avail_in == 0, try !refill() { action = LZMA_FINISH }
            let status = lzma_code(stream, action)
            guard status == LZMA_STREAM_END else {
                try check(status)
                continue
            }
            if try findNextStream() {
                try begin()
                action = LZMA_RUN
            } else {
                isAtEnd = true
            }
        }
        let count = output.count - stream.pointee.avail_out
        return count > 0 ? .bytes(UnsafeRawBufferPointer(rebasing: output[..<count])) : nil
    }

    /// Makes the decoder ready for a stream; what it holds of the input stays.
    private func begin() throws(BaseImageError) {
        var options = lzma_mt()
        options.flags = Self.flags
        options.threads = Self.threads
        // Milliseconds after which a call returns without progress, so that a cancellation is seen.
        options.timeout = 200
        options.memlimit_threading = Self.threadingLimit
        options.memlimit_stop = Self.memoryLimit
        try check(lzma_stream_decoder_mt(stream, &options))
    }

    /// Skips stream padding (section 2.2 of the .xz format: zeros, a multiple of four) and returns whether a stream
    /// follows; throws when something else does.
    private func findNextStream() throws(BaseImageError) -> Bool {
        let end = offset - Int64(stream.pointee.avail_in)
        while true {
            if stream.pointee.avail_in == 0, try !refill() { break }
            guard let next = stream.pointee.next_in, next.pointee == 0 else { break }
            stream.pointee.next_in += 1
            stream.pointee.avail_in -= 1
        }
        let position = offset - Int64(stream.pointee.avail_in)
        guard (position - end) % 4 == 0 else { throw .trailingGarbage(.xz, offset: end) }
        guard stream.pointee.avail_in > 0 else { return false }
        var head = [UInt8](repeating: 0, count: Self.magic.count)
        var span = head.mutableSpan
        let count = try span.withUnsafeMutableBytes { (bytes) throws(BaseImageError) in
            try job.read(bytes, at: position)
        }
        guard head.prefix(count) == Self.magic.prefix(count) else { throw .trailingGarbage(.xz, offset: position) }
        return true
    }

    /// Reads the next piece; `false` at the end of the file.
    private func refill() throws(BaseImageError) -> Bool {
        let count = try job.read(input, at: offset)
        offset += Int64(count)
        stream.pointee.next_in = UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = count
        return count > 0
    }

    /// What the single-threaded decoder asks for where it stops: the threaded one of liblzma 5.4 refuses a block but
    /// does not say how much it would take.
    private func neededMemory() throws(BaseImageError) -> UInt64 {
        lzma_end(stream)
        stream.pointee = lzma_stream()
        // LZMA_CONCATENATED, so that a later stream is reached.
        guard lzma_stream_decoder(stream, Self.memoryLimit, 0x08) == LZMA_OK else { return 0 }
        offset = 0
        var status = LZMA_OK
        while status == LZMA_OK {
            if job.isCancelled() { throw .cancelled }
            if stream.pointee.avail_in == 0, try !refill() { return 0 }
            resetOutput()
            status = lzma_code(stream, LZMA_RUN)
        }
        return lzma_memusage(stream)
    }

    private func resetOutput() {
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
    }

    private func check(_ status: lzma_ret) throws(BaseImageError) {
        switch status {
        case LZMA_OK: return
        case LZMA_BUF_ERROR: throw .truncated(.xz)
        case LZMA_MEMLIMIT_ERROR: throw .memoryLimit(.xz, needed: try neededMemory(), limit: Self.memoryLimit)
        case LZMA_FORMAT_ERROR: throw .corrupt(.xz, reason: "no xz header")
        case LZMA_OPTIONS_ERROR: throw .unknownMethod(.xz, "filters that this machine's liblzma does not know")
        case LZMA_UNSUPPORTED_CHECK:
            throw .unknownMethod(.xz, "a kind of check that this machine's liblzma does not know")
        case LZMA_DATA_ERROR: throw .corrupt(.xz, reason: "a check failed")
        case LZMA_MEM_ERROR: throw .block(.system(errno: ENOMEM, operation: "unpack", path: job.source.path))
        default: throw .corrupt(.xz, reason: "liblzma error \(status.rawValue)")
        }
    }
}
