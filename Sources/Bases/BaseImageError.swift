package import Blocks
import Reports

/// Why a base image cannot be opened.
package enum BaseImageError: Error, Equatable, Sendable {
    /// Reading the file or writing the cache failed; a full disk is `ENOSPC` on `write`.
    case block(BlockError)
    /// A folder, a socket or a terminal.
    case notAFile(path: String)
    /// A disk that is mounted or otherwise in use, so that it may change at any moment.
    case inUse(path: String)
    case tooSmall(byteCount: Int64)
    /// An image of so many bytes unpacked, or more, where `limit` is the most that is taken.
    case tooLarge(byteCount: Int64, limit: Int64)
    /// The file, as downloaded, is not the one that was asked for.
    case digestMismatch(expected: SHA256Digest, found: SHA256Digest)
    /// Something else than a disk image or a packed one, in words: "packed too many times".
    case unsupported(found: String)
    /// Another kind of file, or one inside something packed.
    case foreign(BaseFormat.Foreign, isPacked: Bool)
    /// A tar of a file tree, such as 8086's usbboot ones.
    case tree
    /// Whole as far as can be told, but packed in a way that cannot be unpacked here.
    case unknownMethod(BaseFormat, String)
    case truncated(BaseFormat)
    case corrupt(BaseFormat, reason: String)
    /// Bytes that belong to nothing follow the packed image.
    case trailingGarbage(BaseFormat, offset: Int64)
    /// Unpacking would take more memory than is granted, both in bytes; `needed` is 0 when nobody knows.
    case memoryLimit(BaseFormat, needed: UInt64, limit: UInt64)
    case encrypted(member: String)
    /// No image inside an archive; the first members' names.
    case noImage(members: [String])
    case severalImages(members: [String])
    case cancelled
}

extension BaseImageError: CustomStringConvertible {
    /// The part of a message after "could not open base image …: ".
    package var description: String {
        switch self {
        case .block(let error): "\(error)"
        case .notAFile(let path): "\(path) is not a file"
        case .inUse(let path): "\(path) is mounted or in use"
        case .tooSmall(let byteCount): "\(byteCount) bytes are less than one sector"
        case .tooLarge(let byteCount, let limit): "\(byteCount) bytes are more than the \(limit) that an image may have"
        case .digestMismatch(let expected, let found): "its sha256 is \(found) but \(expected) was asked for"
        case .unsupported(let found): "it is \(found)"
        case .foreign(let foreign, let isPacked): "it is \(foreign.name)\(isPacked ? ", packed" : "")"
        case .tree: "it is a tar archive of a file tree, such as a usbboot one, not of a disk image"
        case .unknownMethod(.zip, let method): "its image is packed with \(method)"
        case .unknownMethod(let format, let method): "the \(format.rawValue) data needs \(method)"
        case .truncated(let format): "the \(format.rawValue) data ends too early; the download may be incomplete"
        case .corrupt(let format, let reason): "the \(format.rawValue) data is damaged: \(reason)"
        case .trailingGarbage(let format, let offset):
            "from byte \(offset) on it holds something that is no \(format.rawValue) data"
        case .memoryLimit(_, 0, let limit):
            "unpacking it takes more memory than the \(Self.mebibytes(limit)) MiB that are the limit"
        case .memoryLimit(_, let needed, let limit):
            "unpacking it takes \(Self.mebibytes(needed)) MiB of memory but \(Self.mebibytes(limit)) MiB is the limit"
        case .encrypted(let member): "\(member) is encrypted"
        case .noImage(let members):
            members.isEmpty
                ? "the archive is empty" : "the archive holds no .img file, only \(members.joined(separator: ", "))"
        case .severalImages(let members): "the archive holds several images: \(members.joined(separator: ", "))"
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
        case .changed(let path): "\(path) was changed while it was read"
        case .damaged(let path, let offset, let reason):
            "\(path) is damaged at byte \(offset): \(reason)"
        case .cancelled: "cancelled"
        }
    }
}
