/// A method of crypt(5), as a hash names it at its beginning.
package enum PasswordScheme: String, Sendable, CaseIterable {
    case yescrypt, gostYescrypt = "gost-yescrypt", scrypt, bcrypt, sha512, sha256, sha1, md5, des, bsdi, nt

    /// The method of a stored hash; nil for `*`, `!…`, the empty text, and whatever else no password can match.
    package init?(hash text: String) {
        for (prefix, scheme) in Self.prefixes where text.hasPrefix(prefix) {
            self = scheme
            return
        }
        let isPlain = text.utf8.allSatisfy { byte in
            (0x2E...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        // Thirteen characters of ./0-9A-Za-z: the oldest method.
        guard isPlain, text.utf8.count == 13 else { return nil }
        self = .des
    }

    private static let prefixes: [(String, PasswordScheme)] = [
        ("$y$", .yescrypt), ("$gy$", .gostYescrypt), ("$7$", .scrypt), ("$6$", .sha512), ("$5$", .sha256),
        ("$1$", .md5), ("$2a$", .bcrypt), ("$2b$", .bcrypt), ("$2y$", .bcrypt), ("$sha1", .sha1), ("$3$", .nt),
        ("_", .bsdi),
    ]

    /// Whether the libcrypt of a Debian release knows it: until buster glibc's (crypt(3)), since then libxcrypt.
    package func isKnown(to codename: String?) -> Bool {
        switch codename {
        case "stretch", "buster": [.sha512, .sha256, .md5, .des].contains(self)
        default: true
        }
    }
}
