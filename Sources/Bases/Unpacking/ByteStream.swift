import Blocks
/// A piece of what comes out of a packed stream.
enum StreamPiece {
    /// Valid until the next piece is asked for.
    case bytes(UnsafeRawBufferPointer)
    /// So many zeros: a hole.
    case zeros(Int64)
}

/// The bytes inside something packed, in order; each piece is read once.
protocol ByteStream: AnyObject {
    /// The next piece; nil after the last one, when every check of the format has held.
    func next() throws(BaseImageError) -> StreamPiece?

    /// Bytes of the packed file that were used so far.
    var consumed: Int64 { get }
}

/// A file's own bytes.
final class FileStream: ByteStream {
    private let job: UnpackContext
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var consumed: Int64 = 0

    init(_ job: UnpackContext) {
        self.job = job
        buffer = .allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
    }

    deinit { buffer.deallocate() }

    func next() throws(BaseImageError) -> StreamPiece? {
        if job.isCancelled() { throw .cancelled }
        let count = try job.read(buffer, at: consumed)
        consumed += Int64(count)
        return count > 0 ? .bytes(UnsafeRawBufferPointer(rebasing: buffer[..<count])) : nil
    }
}

/// A stream whose first bytes are known before any is taken.
final class PeekedStream: ByteStream {
    private let stream: any ByteStream
    /// The first bytes, and whatever came in one piece with them.
    private let first: UnsafeMutableRawBufferPointer
    /// Zeros that follow them.
    private var zeros: Int64 = 0
    private var isFirstTaken = false

    /// The first bytes, as many as `BaseFormat.recognize` wants to see unless the stream has fewer.
    let head: [UInt8]

    init(_ stream: any ByteStream) throws(BaseImageError) {
        self.stream = stream
        var bytes: [UInt8] = []
        while bytes.count < BaseFormat.headByteCount, let piece = try stream.next() {
            switch piece {
            case .bytes(let part): bytes += part
            case .zeros(let count):
                let part = min(count, Int64(BaseFormat.headByteCount - bytes.count))
                bytes += repeatElement(0, count: Int(part))
                zeros = count - part
            }
        }
        head = Array(bytes.prefix(BaseFormat.headByteCount))
        first = .allocate(byteCount: bytes.count, alignment: 64)
        first.copyBytes(from: bytes)
    }

    deinit { first.deallocate() }

    /// What the first bytes are those of.
    var recognized: BaseFormat.Recognition {
        let bytes = head
        return BaseFormat.recognize(bytes.span.bytes)
    }

    func next() throws(BaseImageError) -> StreamPiece? {
        if !isFirstTaken {
            isFirstTaken = true
            if !first.isEmpty { return .bytes(UnsafeRawBufferPointer(first)) }
        }
        if zeros > 0 {
            defer { zeros = 0 }
            return .zeros(zeros)
        }
        return try stream.next()
    }

    var consumed: Int64 { stream.consumed }
}
