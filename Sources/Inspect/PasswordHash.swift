import CCrypt
import Glibc
package import Reports

/// Makes crypt(3) hashes with the system's libcrypt.
package enum PasswordHash {
    /// How a hash is made; the raw value is what `--method` takes.
    package enum Method: String, CaseIterable, Sendable {
        /// `$6$`: every Raspberry Pi OS release knows it.
        case sha512
        /// `$y$`: bullseye and later.
        case yescrypt

        var prefix: String {
            switch self {
            case .sha512: "$6$"
            case .yescrypt: "$y$"
            }
        }
    }

    /// The hash of `password` under a salt that the operating system's random source gives.
    package static func make(of password: String, method: Method) throws(ForgeError) -> String {
        guard !password.isEmpty else {
            throw ForgeError(.badInput, "could not hash the password: it is empty")
        }
        guard !password.utf8.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) else {
            throw ForgeError(.badInput, "could not hash the password: it holds a line break or a NUL")
        }
        guard let setting = crypt_gensalt_ra(method.prefix, 0, nil, 0) else {
            throw ForgeError(.unavailable, "could not hash the password: libcrypt does not know \(method.rawValue)")
        }
        defer { free(setting) }
        return try make(of: password, setting: String(cString: setting))
    }

    /// The hash under a given setting (prefix, cost and salt); a complete hash is a setting too, so this checks one.
    package static func make(of password: String, setting: String) throws(ForgeError) -> String {
        var data: UnsafeMutableRawPointer?
        var size: Int32 = 0
        defer { free(data) }
        guard let hash = crypt_ra(password, setting, &data, &size) else {
            throw ForgeError(.unavailable, "could not hash the password: libcrypt refused the setting")
        }
        return String(cString: hash)
    }
}
