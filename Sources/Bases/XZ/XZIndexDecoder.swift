import Blocks
import CLZMA
import Glibc
import Reports

/// liblzma's file information decoder over a file that is read at offsets.
struct XZIndexDecoder: ~Copyable {
    private static let bufferSize = 64 << 10

    private let stream: UnsafeMutablePointer<lzma_stream>
    /// Filled by liblzma when it is done, so it needs an address that stays.
    private let result: UnsafeMutablePointer<OpaquePointer?>
    private let buffer: UnsafeMutableRawBufferPointer

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        result = .allocate(capacity: 1)
        result.initialize(to: nil)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 64)
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
        result.deallocate()
        buffer.deallocate()
    }

    /// The caller ends the index.
    func decode(_ file: OpenFile, byteCount: Int64) throws(BaseImageError) -> OpaquePointer {
        guard byteCount >= 0 else { throw .corrupt(.xz, reason: "no xz header") }
        try check(lzma_file_info_decoder(stream, result, XZIndex.memoryLimit, UInt64(byteCount)), file: file)
        var offset: Int64 = 0
        while true {
            if stream.pointee.avail_in == 0 {
                let count = Int(min(Int64(buffer.count), byteCount - offset))
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[..<max(0, count)])
                let position = offset
                let found = try wrapping(file.read(upTo: rest, at: position), as: BaseImageError.block)
                guard found == rest.count else { throw .block(.changed(path: file.path)) }
                offset += Int64(found)
                stream.pointee.next_in = UnsafePointer(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = found
            }
            let status = lzma_code(stream, LZMA_RUN)
            switch status {
            case LZMA_STREAM_END:
                guard let index = result.pointee else { throw .corrupt(.xz, reason: "no index") }
                return index
            case LZMA_SEEK_NEEDED:
                guard let target = Int64(exactly: stream.pointee.seek_pos), target <= byteCount else {
                    throw .corrupt(.xz, reason: XZIndex.contradiction)
                }
                offset = target
                stream.pointee.avail_in = 0
            default: try check(status, file: file)
            }
        }
    }

    private func check(_ status: lzma_ret, file: OpenFile) throws(BaseImageError) {
        switch status {
        case LZMA_OK: return
        case LZMA_FORMAT_ERROR: throw .corrupt(.xz, reason: "no xz header")
        case LZMA_OPTIONS_ERROR: throw .unknownMethod(.xz, "options that this machine's liblzma does not know")
        case LZMA_MEMLIMIT_ERROR: throw .memoryLimit(.xz, needed: lzma_memusage(stream), limit: XZIndex.memoryLimit)
        case LZMA_MEM_ERROR: throw .block(.system(errno: ENOMEM, operation: "unpack", path: file.path))
        default: throw .corrupt(.xz, reason: "its index is damaged, or it ends too early")
        }
    }
}
