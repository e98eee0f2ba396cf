import FoundationEssentials

/// OpenSSH's format for private keys (PROTOCOL.key of openssh-portable):
///
///     "openssh-key-v1" NUL
///     string  cipher           "none"
///     string  kdf              "none"
///     string  kdf options      ""
///     uint32  number of keys   1
///     string  public key       string "ssh-ed25519", string of 32 bytes
///     string  private section  uint32 check word, the same again,
///                              string "ssh-ed25519", string public key, string seed + public key, string comment,
///                              padding 1, 2, 3, … to a multiple of 8 bytes
extension HostKey {
    private static let magic = Array("openssh-key-v1".utf8) + [0]
    private static let firstLine = "-----BEGIN OPENSSH PRIVATE KEY-----"
    private static let lastLine = "-----END OPENSSH PRIVATE KEY-----"
    /// The cipher's block size when there is no cipher.
    private static let blockByteCount = 8
    /// As ssh-keygen folds its lines.
    private static let lineLength = 70

    /// The text of the private key's file, as ssh-keygen would write it without a passphrase.
    package var privateFileText: String {
        var section = WireWriter()
        section.writeRaw(checkWord + checkWord)
        section.writeString(Array(PublicKey.type.utf8))
        section.writeString(publicKey.bytes)
        section.writeString(seed + publicKey.bytes)
        section.writeString(Array(comment.utf8))
        section.writeRaw(Self.padding(after: section.bytes.count))

        var file = WireWriter()
        file.writeRaw(Self.magic)
        file.writeString(Array("none".utf8))
        file.writeString(Array("none".utf8))
        file.writeString([])
        file.writeUInt32(1)
        file.writeString(publicKey.blob)
        file.writeString(section.bytes)

        var text = Self.firstLine + "\n"
        var rest = Data(file.bytes).base64EncodedString()[...]
        while !rest.isEmpty {
            text += rest.prefix(Self.lineLength) + "\n"
            rest = rest.dropFirst(Self.lineLength)
        }
        return text + Self.lastLine + "\n"
    }

    private static func padding(after count: Int) -> [UInt8] {
        let missing = (blockByteCount - count % blockByteCount) % blockByteCount
        return (0..<missing).map { UInt8($0 + 1) }
    }

    /// Reads a private key's file; only an ed25519 key of OpenSSH's format without a passphrase is taken.
    package init(fileText text: String) throws(IdentityError) {
        var file = WireReader(try Self.body(of: text))
        guard let magic = file.readRaw(Self.magic.count), magic.elementsEqual(Self.magic),
            let cipher = file.readString(), let kdf = file.readString(), file.readString() != nil
        else { throw .keyIsDamaged }
        guard cipher.elementsEqual("none".utf8), kdf.elementsEqual("none".utf8) else { throw .keyHasPassphrase }
        guard let count = file.readUInt32(), count == 1, let blob = file.readString(),
            let section = file.readString(), file.isAtEnd
        else { throw .keyIsDamaged }

        var name = WireReader(Array(blob))
        guard let type = name.readString() else { throw .keyIsDamaged }
        guard type.elementsEqual(PublicKey.type.utf8) else { throw .keyIsOfType(Self.printable(type)) }
        try self.init(privateSection: Array(section))
        guard blob.elementsEqual(publicKey.blob) else { throw .keyHalvesDiffer }
    }

    private init(privateSection bytes: [UInt8]) throws(IdentityError) {
        var reader = WireReader(bytes)
        guard let check = reader.readRaw(4), let again = reader.readRaw(4), check.elementsEqual(again),
            let type = reader.readString(), type.elementsEqual(PublicKey.type.utf8),
            let publicBytes = reader.readString(), let privateBytes = reader.readString(),
            privateBytes.count == 2 * Ed25519.keyByteCount, let comment = reader.readString(),
            let comment = String(validating: comment, as: UTF8.self),
            !comment.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }),
            bytes.count.isMultiple(of: Self.blockByteCount),
            reader.remaining.elementsEqual(Self.padding(after: bytes.count - reader.remaining.count))
        else { throw .keyIsDamaged }
        try self.init(
            seed: Array(privateBytes.prefix(Ed25519.keyByteCount)), checkWord: Array(check), comment: comment)
        guard publicBytes.elementsEqual(publicKey.bytes),
            privateBytes.dropFirst(Ed25519.keyByteCount).elementsEqual(publicKey.bytes)
        else { throw .keyHalvesDiffer }
    }

    /// The bytes between the first and the last line.
    private static func body(of text: String) throws(IdentityError) -> [UInt8] {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != " " && $0 != "\t" } }
            .filter { !$0.isEmpty }
        guard lines.first == firstLine.filter({ $0 != " " }) else { throw .keyIsNoOpenSSHFile(otherFormat(text)) }
        guard let end = lines.firstIndex(of: lastLine.filter { $0 != " " }) else { throw .keyIsDamaged }
        guard end == lines.count - 1 else { throw .keyHasTrailingText }
        guard let data = Data(base64Encoded: lines[1..<end].joined()) else { throw .keyIsDamaged }
        return Array(data)
    }

    private static func otherFormat(_ text: String) -> IdentityError.KeyFormat {
        if text.hasPrefix("ssh-") || text.hasPrefix("ecdsa-") || text.hasPrefix("sk-") { return .publicKey }
        if text.hasPrefix("PuTTY-User-Key-File") { return .putty }
        return text.hasPrefix("-----BEGIN ") && text.contains("PRIVATE KEY-----") ? .pem : .unknown
    }

    private static func printable(_ type: ArraySlice<UInt8>) -> String {
        String(decoding: type.prefix(40).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
