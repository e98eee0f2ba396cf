import Blocks
import FoundationEssentials
import Readers

extension Inspection {
    /// A public key of OpenSSH, as a file names it.
    package struct Key: Encodable, Equatable, Sendable {
        /// As `ssh-keygen -l` says it: `ED25519`, `RSA`, `ECDSA`, `DSA`, `ED25519-SK`, `ECDSA-SK`.
        package var type: String
        package var bits: Int
        /// `SHA256:` and 43 characters of base64.
        package var fingerprint: String
        package var comment: String
        /// The names of the options before the key, without their values; empty for a host key.
        package var options: [String]
        /// As the key itself says it: `ssh-ed25519`.
        let algorithm: String
        private let optionText: String?

        enum CodingKeys: String, CodingKey { case type, bits, fingerprint, comment, options }

        /// Reads a line of authorized_keys or a .pub file (sshd(8), AUTHORIZED_KEYS FILE FORMAT); nil when it holds no
        /// key that sshd would take.
        package init?(line: String) {
            var words = Self.words(of: line)
            guard let first = words.first else { return nil }
            var options: AuthorizedKeyOptions?
            optionText = Self.types[first] == nil ? first : nil
            if let optionText {
                let read = AuthorizedKeyOptions(optionText, version: Self.newest)
                guard read.problem == nil else { return nil }
                options = read
                words.removeFirst()
            }
            guard words.count >= 2, let name = Self.types[words[0]],
                let data = Data(base64Encoded: words[1]), let fields = Self.fields(of: Array(data)),
                fields.first.map({ $0.elementsEqual(words[0].utf8) }) == true,
                let bits = Self.bits(of: words[0], fields)
            else { return nil }
            type = name
            algorithm = words[0]
            self.bits = bits
            fingerprint = Self.fingerprint(of: Array(data))
            comment = words[2...].joined(separator: " ")
            self.options = options?.names ?? []
        }

        private static let newest = ServerVersion(codename: nil)

        /// Why a version of sshd refuses the options of the line; nil when it takes them.
        func optionProblem(in version: ServerVersion) -> String? {
            optionText.flatMap { AuthorizedKeyOptions($0, version: version).problem }
        }

        private static let types = [
            "ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ssh-dss": "DSA", "ecdsa-sha2-nistp256": "ECDSA",
            "ecdsa-sha2-nistp384": "ECDSA", "ecdsa-sha2-nistp521": "ECDSA",
            "sk-ssh-ed25519@openssh.com": "ED25519-SK", "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA-SK",
        ]

        static func fingerprint(of blob: [UInt8]) -> String {
            let text = Data(SHA256.digest(of: blob.span.bytes).bytes).base64EncodedString()
            return "SHA256:" + text.prefix(while: { $0 != "=" })
        }

        /// The runs between blanks outside double quotes; `\"` inside quotes is no end of them.
        private static func words(of line: String) -> [String] {
            var words: [String] = []
            var word = ""
            var isQuoted = false
            var isEscaped = false
            for character in line {
                if (character == " " || character == "\t") && !isQuoted {
                    if !word.isEmpty { words.append(word) }
                    word = ""
                    continue
                }
                if character == "\"" && !isEscaped { isQuoted.toggle() }
                isEscaped = character == "\\" && !isEscaped
                word.append(character)
            }
            if !word.isEmpty { words.append(word) }
            return words
        }

        /// The blob is a row of fields, each a length of 4 bytes, most significant first, and that many bytes
        /// (RFC 4251, section 5). Nil when they do not fill it exactly.
        private static func fields(of blob: [UInt8]) -> [ArraySlice<UInt8>]? {
            var rest = blob[...]
            var fields: [ArraySlice<UInt8>] = []
            while !rest.isEmpty {
                guard rest.count >= 4 else { return nil }
                let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(4)
                guard length <= rest.count else { return nil }
                fields.append(rest.prefix(length))
                rest = rest.dropFirst(length)
            }
            return fields
        }

        /// Nil when fields are missing or a key has the wrong length.
        private static func bits(of type: String, _ fields: [ArraySlice<UInt8>]) -> Int? {
            switch type {
            case "ssh-ed25519": fields.count == 2 && fields[1].count == 32 ? 256 : nil
            case "sk-ssh-ed25519@openssh.com": fields.count == 3 && fields[1].count == 32 ? 256 : nil
            case "ssh-rsa": fields.count == 3 ? bitWidth(of: fields[2]) : nil
            case "ssh-dss": fields.count == 5 ? bitWidth(of: fields[1]) : nil
            case "ecdsa-sha2-nistp256": point(fields, count: 3, bits: 256)
            case "ecdsa-sha2-nistp384": point(fields, count: 3, bits: 384)
            case "ecdsa-sha2-nistp521": point(fields, count: 3, bits: 521)
            case "sk-ecdsa-sha2-nistp256@openssh.com": point(fields, count: 4, bits: 256)
            default: nil
            }
        }

        /// An uncompressed point: 4 and two coordinates.
        private static func point(_ fields: [ArraySlice<UInt8>], count: Int, bits: Int) -> Int? {
            fields.count == count && fields[2].first == 4 && fields[2].count == 1 + 2 * ((bits + 7) / 8) ? bits : nil
        }

        private static func bitWidth(of number: ArraySlice<UInt8>) -> Int? {
            let digits = number.drop(while: { $0 == 0 })
            guard let first = digits.first else { return nil }
            return digits.count * 8 - first.leadingZeroBitCount
        }
    }
}
