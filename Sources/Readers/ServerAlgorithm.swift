/// The ciphers, MACs and key exchanges that sshd can be told to use (OpenSSH, cipher.c, mac.c, kex-names.c): of a name
/// that it does not know it says "Bad SSH2 …" and does not start.
enum ServerAlgorithm {
    /// The option that names such a list, its names, and for some the first version that knows them.
    private static let kinds: [String: (names: Set<String>, later: [String: ServerVersion])] = [
        "ciphers": (
            [
                "3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc", "rijndael-cbc@lysator.liu.se", "aes128-ctr",
                "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
                "chacha20-poly1305@openssh.com",
            ], [:]
        ),
        "macs": (
            Set(
                [
                    "hmac-sha1", "hmac-sha1-96", "hmac-sha2-256", "hmac-sha2-512", "hmac-md5", "hmac-md5-96",
                    "umac-64@openssh.com", "umac-128@openssh.com",
                ].flatMap { name in
                    [name, (name.split(separator: "@").first.map(String.init) ?? name) + "-etm@openssh.com"]
                }), [:]
        ),
        "kexalgorithms": (
            [
                "diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group14-sha256",
                "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512",
                "diffie-hellman-group-exchange-sha1", "diffie-hellman-group-exchange-sha256", "ecdh-sha2-nistp256",
                "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "curve25519-sha256", "curve25519-sha256@libssh.org",
            ],
            [
                "sntrup761x25519-sha512@openssh.com": .init(8, 5), "sntrup761x25519-sha512": .init(9, 9),
                "mlkem768x25519-sha256": .init(9, 9),
            ]
        ),
    ]
    /// Went when 8.5 came.
    private static let dropped = "sntrup4591761x25519-sha512@tinyssh.org"

    /// The first name in the list of an option that a version does not know; nil when it knows all, or the option has no
    /// such list. After `-` patterns are allowed, and any name.
    static func unknown(in list: String, of keyword: String, version: ServerVersion) -> String? {
        guard let kind = kinds[keyword], !list.hasPrefix("-") else { return nil }
        return list.drop { "+^".contains($0) }.split(separator: ",").map(String.init).first { name in
            if let first = kind.later[name] { return version < first }
            if name == dropped { return !(ServerVersion(8, 0)..<ServerVersion(8, 5)).contains(version) }
            return !kind.names.contains(name)
        }
    }
}
