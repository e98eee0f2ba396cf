/// Why a secret or a host key cannot be used.
package enum IdentityError: Error, Hashable, Sendable {
    case secretIsEmpty
    case secretIsNoHex(lineCount: Int)
    case secretHasWrongSize(digitCount: Int)
    case secretIsNotRandom

    case keyIsNoOpenSSHFile(KeyFormat)
    case keyHasPassphrase
    /// The name of the type, such as `ssh-rsa`.
    case keyIsOfType(String)
    case keyIsDamaged
    case keyHasTrailingText
    case keyHalvesDiffer

    /// A call of OpenSSL failed that does so only when OpenSSL is configured without the algorithm.
    case library(String)

    /// What a file is that is no private key of OpenSSH's.
    package enum KeyFormat: Hashable, Sendable {
        case publicKey, pem, putty, unknown
    }
}

extension IdentityError {
    /// The end of "could not use FILE: …".
    package var reason: String {
        switch self {
        case .secretIsEmpty: "it is empty"
        case .secretIsNoHex(let lines):
            "it is no secret of piforge: one line of 64 hex digits"
                + (lines > 1 ? ", and this has \(lines) lines" : "")
        case .secretHasWrongSize(let digits): "a secret has 64 hex digits, and this has \(digits)"
        case .secretIsNotRandom: "its 32 bytes are all the same, so it is no secret"
        case .keyIsNoOpenSSHFile(.publicKey): "it is the public half of a key"
        case .keyIsNoOpenSSHFile(.pem): "it is a PEM file, not one of OpenSSH's format"
        case .keyIsNoOpenSSHFile(.putty): "it is a key of PuTTY's format"
        case .keyIsNoOpenSSHFile(.unknown): "it is no private key of OpenSSH"
        case .keyHasPassphrase: "it is encrypted, and sshd asks nobody for a passphrase"
        case .keyIsOfType(let type): "it is a key of type \(type), and only ssh-ed25519 is taken"
        case .keyIsDamaged: "the key is cut off or damaged"
        case .keyHasTrailingText: "text stands after the key"
        case .keyHalvesDiffer: "the public half is not that of the private one"
        case .library(let call): "OpenSSL cannot do Ed25519 and HKDF here (\(call) failed)"
        }
    }

    /// What the user can do; nil where the reason says it all.
    package var hint: String? {
        switch self {
        case .secretIsEmpty, .secretIsNoHex, .secretHasWrongSize, .secretIsNotRandom:
            "piforge identity new writes one"
        case .keyIsNoOpenSSHFile(.publicKey): "name the file without .pub"
        case .keyIsNoOpenSSHFile, .keyIsOfType:
            "use the node's /etc/ssh/ssh_host_ed25519_key, or leave the key out to have one derived"
        case .keyHasPassphrase: "ssh-keygen -p -N '' -f COPY takes the passphrase off a copy"
        case .library: "look for a FIPS setting in /etc/ssl/openssl.cnf"
        default: nil
        }
    }
}
