package import Blocks
import Reports

/// Why a base image cannot be opened.
package enum BaseImageError: Error, Equatable, Sendable {
    /// Reading the file or writing the cache failed; a full disk is `ENOSPC` on `write`.
    case block(BlockError)
    /// A folder, a pipe or a terminal.
    case notAFile(path: String)
    case tooSmall(byteCount: Int64)
    /// An image of so many bytes unpacked, or more, where `limit` is the most that is taken.
    case tooLarge(byteCount: Int64, limit: Int64)
    /// The file, as downloaded, is not the one that was asked for.
    case digestMismatch(expected: SHA256Digest, found: SHA256Digest)
    /// Something else than a disk image or a packed one, in words: "a 7-Zip archive".
    case unsupported(found: String)
    case truncated(BaseFormat)
    case corrupt(BaseFormat, reason: String)
    /// Bytes that belong to nothing follow the packed image.
    case trailingGarbage(BaseFormat, offset: Int64)
    /// Unpacking would take more memory than is granted, both in bytes.
    case memoryLimit(needed: UInt64, limit: UInt64)
    case encrypted(member: String)
    /// No image inside an archive; the first members' names.
    case noImage(members: [String])
    case severalImages(members: [String])
    /// The file was changed while it was read.
    case changedWhileReading(path: String)
    case cancelled
}

extension BaseImageError: CustomStringConvertible {
    /// The part of a message after "could not open base image …: ".
    package var description: String {
        switch self {
        case .block(let error): "\(error)"
        case .notAFile(let path): "\(path) is not a file"
        case .tooSmall(let byteCount): "\(byteCount) bytes are less than one sector"
        case .tooLarge(let byteCount, let limit): "\(byteCount) bytes are more than the \(limit) that an image may have"
        case .digestMismatch(let expected, let found): "its sha256 is \(found) but \(expected) was asked for"
        case .unsupported(let found): "it is \(found)"
        case .truncated(let format): "the \(format.rawValue) data ends too early; the download may be incomplete"
        case .corrupt(let format, let reason): "the \(format.rawValue) data is damaged: \(reason)"
        case .trailingGarbage(let format, let offset):
            "from byte \(offset) on it holds something that is no \(format.rawValue) data"
        case .memoryLimit(let needed, let limit):
            "unpacking it takes \(Self.mebibytes(needed)) MiB of memory but \(Self.mebibytes(limit)) MiB is the limit"
        case .encrypted(let member): "\(member) is encrypted"
        case .noImage(let members):
            members.isEmpty
                ? "the archive is empty" : "the archive holds no .img file, only \(members.joined(separator: ", "))"
        case .severalImages(let members): "the archive holds several images: \(members.joined(separator: ", "))"
        case .changedWhileReading(let path): "\(path) was changed while it was read"
        case .cancelled: "cancelled"
        }
    }

    private static func mebibytes(_ bytes: UInt64) -> UInt64 {
        bytes / (1 << 20) + (bytes % (1 << 20) == 0 ? 0 : 1)
    }
}

extension BlockError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .outOfBounds(let offset, let count, let size):
            "\(count) bytes at \(offset) lie outside its \(size) bytes"
        case .system(let number, let operation, let path):
            "could not \(operation) \(path): \(systemMessage(number))"
        case .truncated(let path, let expected, let found):
            "\(path) ended at \(found) bytes where \(expected) were promised"
        case .damaged(let path, let offset, let reason):
            "\(path) is damaged at byte \(offset): \(reason)"
        }
    }
}
