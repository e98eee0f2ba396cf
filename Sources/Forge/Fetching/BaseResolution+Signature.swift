import Bases
import Blocks
import Downloads
import FoundationEssentials
import Images
import Plans
import Reports

extension BaseResolution {
    /// Checks the signature of a file where the profile has one; returns the digest of the keys by which it is good, nil
    /// where nobody asks for a signature. What the lock says of the same file and keys is not checked again.
    func checkSignature(of file: Cache.Download, _ locked: LockFile.Entry?) throws(ForgeError) -> SHA256Digest? {
        guard let signature = base.signature else { return nil }
        let keys = try bytes(of: signature.keys, limit: Self.keyLimit)
        let digest = SHA256.digest(of: keys.span.bytes)
        if let locked, locked.digest == file.digest, locked.keySHA256 == digest.description { return digest }
        let local = try local(signature.location)
        defer { withExtendedLifetime(local) {} }
        let folder = try ScratchFolder(named: "piforge-keys", for: options.environment)
        defer { folder.removeAll() }
        // Both take the keys that are named and no others.
        let isSequoia = ToolRun.program("sqv") != nil
        let keyring = try folder.write((isSequoia ? keys : Self.withoutArmor(keys)).span.bytes, to: "keyring")
        let tool = isSequoia ? "sqv" : "gpgv"
        let run = try ToolRun(tool, ["--keyring", keyring, local.path, file.path], package: tool)
        guard run.status == 0 else {
            throw ForgeError(
                .badInput,
                "could not use \(base.summary): \(signature.location) is no signature of it by a key of \(signature.keys)"
                    + (run.lastLine.map { " (\($0))" } ?? ""),
                hint: "download it again with piforge fetch --update, or ask its maker for the right key")
        }
        return digest
    }

    /// Bytes of a file with keys.
    private static var keyLimit: Int { 4 << 20 }

    /// The packets in an armored file (RFC 9580, section 6), which gpgv does not take for keys; any other file as it is.
    static func withoutArmor(_ bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") else { return bytes }
        var result: [UInt8] = []
        var body: String?
        var isInHeaders = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = line.filter { $0 != "\r" && $0 != " " && $0 != "\t" }
            if line.hasPrefix("-----BEGIN") {
                (body, isInHeaders) = ("", true)
            } else if line.hasPrefix("-----END") {
                result += body.flatMap { Data(base64Encoded: $0) }.map(Array.init) ?? []
                body = nil
            } else if isInHeaders {
                isInHeaders = !line.isEmpty
            } else if !line.hasPrefix("=") {
                body?.append(line)
            }
        }
        return result
    }
}
