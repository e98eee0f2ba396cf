import CZstd
import Blocks
import Glibc

/// The bytes in a .zst file by libzstd, frame by frame (RFC 8878); checksums are verified where frames have them.
final class ZstdStreamDecoder: ByteStream {
    /// A frame whose window is larger than 2 to this power takes more memory than a run may; it is also what `zstd -d`
    /// takes without `--long`.
    static let windowLog: UInt32 = 27
    static let memoryLimit: UInt64 = 1 << windowLog

    private let job: UnpackContext
    private let context: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer
    /// Where the next piece of the file begins, and what of the last one is still to be read.
    private var offset: Int64 = 0
    private var rest = 0..<0
    private var isAtEnd = false
    /// Whether a frame was begun and not ended.
    private var isInFrame = false
    /// Whether the decoder may hold more output than there was room for.
    private var isHoldingOutput = false
    private var frameStart: Int64 = 0

    init(_ job: UnpackContext) throws(BaseImageError) {
        guard let context = ZSTD_createDCtx() else {
            throw .block(.system(errno: ENOMEM, operation: "unpack", path: job.source.path))
        }
        self.job = job
        self.context = context
        input = .allocate(byteCount: UnpackContext.pieceSize, alignment: 64)
        output = .allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, CInt(Self.windowLog))
    }

    deinit {
        ZSTD_freeDCtx(context)
        input.deallocate()
        output.deallocate()
    }

    var consumed: Int64 { offset - Int64(rest.count) }

    func next() throws(BaseImageError) -> StreamPiece? {
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        while !isAtEnd, target.pos < target.size {
            if job.isCancelled() { throw .cancelled }
            if rest.isEmpty, !isHoldingOutput, try !refill() {
                guard !isInFrame else { throw .truncated(.zstd) }
                isAtEnd = true
                break
            }
            if !isInFrame { frameStart = consumed }
            let isFirst = frameStart == 0
            var source = ZSTD_inBuffer(src: input.baseAddress, size: rest.upperBound, pos: rest.lowerBound)
            let status = ZSTD_decompressStream(context, &target, &source)
            rest = source.pos..<rest.upperBound
            guard ZSTD_isError(status) == 0 else { throw try failure(ZSTD_getErrorCode(status), isFirst: isFirst) }
            isInFrame = status != 0
            isHoldingOutput = isInFrame && target.pos == target.size
        }
        return target.pos > 0 ? .bytes(UnsafeRawBufferPointer(rebasing: output[..<target.pos])) : nil
    }

    /// Reads the next piece; `false` at the end of the file.
    private func refill() throws(BaseImageError) -> Bool {
        let count = try job.read(input, at: offset)
        offset += Int64(count)
        rest = 0..<count
        return count > 0
    }

    private func failure(_ code: ZSTD_ErrorCode, isFirst: Bool) throws(BaseImageError) -> BaseImageError {
        switch code {
        case ZSTD_error_memory_allocation:
            return .block(.system(errno: ENOMEM, operation: "unpack", path: job.source.path))
        case ZSTD_error_frameParameter_windowTooLarge:
            return .memoryLimit(.zstd, needed: try windowByteCount(), limit: Self.memoryLimit)
        case ZSTD_error_prefix_unknown where !isFirst: return .trailingGarbage(.zstd, offset: frameStart)
        case ZSTD_error_dictionary_wrong: return .unknownMethod(.zstd, "a dictionary that is not in the file")
        default: return .corrupt(.zstd, reason: String(cString: ZSTD_getErrorString(code)).lowercased())
        }
    }

    /// Bytes of the window that the frame at `frameStart` asks for (section 3.1.1.1: descriptor byte, then the window's
    /// byte with five bits of exponent and three of mantissa, or the size of a frame that is one segment); 0 when it
    /// cannot be read.
    private func windowByteCount() throws(BaseImageError) -> UInt64 {
        var header = [UInt8](repeating: 0, count: 18)
        var span = header.mutableSpan
        let start = frameStart
        let count = try span.withUnsafeMutableBytes { (bytes) throws(BaseImageError) in try job.read(bytes, at: start) }
        guard count == header.count else { return 0 }
        let descriptor = header[4]
        guard descriptor & 0x20 != 0 else {
            let base = UInt64(1) << (10 + UInt64(header[5] >> 3))
            return base + base / 8 * UInt64(header[5] & 7)
        }
        let dictionary = [0, 1, 2, 4][Int(descriptor & 3)]
        let size = [1, 2, 4, 8][Int(descriptor >> 6)]
        return header[(5 + dictionary)..<(5 + dictionary + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
