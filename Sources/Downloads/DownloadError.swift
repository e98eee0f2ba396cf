package import Blocks

/// Why something could not be downloaded.
package enum DownloadError: Error, Equatable, Sendable {
    /// The cache could not be written or read.
    case block(BlockError)
    /// No more room in the cache, both in bytes; `needed` is what is still to come.
    case noRoom(path: String, needed: Int64, free: Int64)
    /// Nobody answered, or the name has no address.
    case unreachable(url: String, reason: String)
    /// The connection ended before the file did.
    case broken(url: String, reason: String)
    /// Nothing came for so many seconds.
    case stalled(url: String, seconds: Int)
    /// The certificate is not one that this machine trusts.
    case untrusted(url: String, reason: String)
    /// A redirection to something else than https or http, or from https to http where nothing vouches for the bytes.
    case protocolRefused(url: String)
    case status(url: String, Int)
    /// The server says that the file has another size than was promised, or sends more.
    case wrongSize(url: String, expected: Int64, found: Int64)
    case tooLarge(url: String, limit: Int64)
    case digestMismatch(url: String, expected: SHA256Digest, found: SHA256Digest)
    /// libcurl, and what it did.
    case library(String)
    case cancelled
}

extension DownloadError {
    /// Whether the same address may do better in a moment.
    var isPassing: Bool {
        switch self {
        case .unreachable, .broken, .stalled: true
        case .status(_, let code): code == 408 || code == 429 || code >= 500
        default: false
        }
    }

    /// Whether another address may have what this one has not.
    var isOfAddress: Bool {
        switch self {
        case .block, .noRoom, .library, .cancelled: false
        default: true
        }
    }
}
