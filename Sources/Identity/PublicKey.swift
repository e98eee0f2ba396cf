import CCrypto
import FoundationEssentials

/// The public half of an ed25519 host key, as ssh clients know a machine by it.
package struct PublicKey: Hashable, Sendable {
    static let type = "ssh-ed25519"

    /// 32 bytes (RFC 8032).
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads `ssh-ed25519 AAAA…`, as .pub files and known_hosts have it, with or without a comment; `nil` for anything
    /// else.
    package init?(line: String) {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[0] == Self.type, let blob = Data(base64Encoded: String(words[1])) else {
            return nil
        }
        var reader = WireReader(Array(blob))
        guard let type = reader.readString(), type.elementsEqual(Self.type.utf8), let bytes = reader.readString(),
            bytes.count == Ed25519.keyByteCount, reader.isAtEnd
        else { return nil }
        self.bytes = Array(bytes)
    }

    /// The key as it goes over the wire (RFC 8709, section 4).
    var blob: [UInt8] {
        var writer = WireWriter()
        writer.writeString(Array(Self.type.utf8))
        writer.writeString(bytes)
        return writer.bytes
    }

    /// `ssh-ed25519 AAAA…`, without a comment.
    package var line: String { "\(Self.type) \(Data(blob).base64EncodedString())" }

    /// As `ssh-keygen -l` prints it: `SHA256:` and 43 characters of base64.
    package var fingerprint: String {
        let blob = blob
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(blob, blob.count, &digest)
        return "SHA256:" + Data(digest).base64EncodedString().prefix(while: { $0 != "=" })
    }
}
