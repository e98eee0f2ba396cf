import Readers

extension Inspection {
    /// A user who can get in, now or after somebody gives them a password, and how.
    package struct Login: Encodable, Equatable, Sendable {
        package var name: String
        package var uid: UInt32
        package var home: String
        package var shell: String
        package var password: Password
        /// How the password is hashed: `sha512`, `yescrypt`, …; absent without a password.
        package var hashMethod: String?
        /// The well-known password that it is; absent when it is none of them.
        package var defaultPassword: String?
        /// The password must be changed at the first login.
        package var mustChangePassword: Bool
        package var keys: [AuthorizedKey]
        package var ways: [Way]
        /// `free`: sudo asks for no password; `password`; `no`.
        package var sudo: Sudo

        package enum Password: String, Encodable, Sendable { case set, none, locked }
        package enum Sudo: String, Encodable, Sendable { case free, password, no }

        package enum Way: String, Encodable, Sendable, CaseIterable {
            case consolePassword = "console_password"
            case consoleWithoutPassword = "console_without_password"
            case sshPassword = "ssh_password"
            case sshWithoutPassword = "ssh_without_password"
            case sshKey = "ssh_key"
        }

        enum CodingKeys: String, CodingKey {
            case name, uid, home, shell, password, keys, ways, sudo
            case hashMethod = "hash_method"
            case defaultPassword = "default_password"
            case mustChangePassword = "must_change_password"
        }
    }

    /// A key in a user's authorized_keys.
    package struct AuthorizedKey: Encodable, Equatable, Sendable {
        package var key: Key
        package var file: String
        /// Nil when sshd takes it, else why not.
        package var rejected: String?
    }

    /// A user whom the first boot makes or renames.
    package struct PendingUser: Encodable, Equatable, Sendable {
        package var name: String
        /// `userconf.txt`, `custom.toml`, …
        package var source: String
        package var defaultPassword: String?

        enum CodingKeys: String, CodingKey {
            case name, source
            case defaultPassword = "default_password"
        }
    }
}

/// The second field of a line of /etc/shadow (shadow(5), crypt(5)).
struct PasswordField: Equatable {
    let state: Inspection.Login.Password
    /// The name of the hash method; nil when there is no usable hash.
    let method: String?
    /// `!` stands first: without PAM sshd refuses keys too (OpenSSH, LOCKED_PASSWD_PREFIX).
    let isLockedForKeys: Bool
    private let text: String

    init(_ text: String) {
        self.text = text
        isLockedForKeys = text.hasPrefix("!")
        method = PasswordScheme(hash: text)?.rawValue
        state = text.isEmpty ? .none : method == nil ? .locked : .set
    }

    /// The passwords that images came with: Raspberry Pi OS until 2022, 8086's images, and the user's own name.
    static func wellKnown(for user: String) -> [String] { ["raspberry", "clusterctrl", user] }

    /// The first of `candidates` whose hash this is; nil for a hash that takes long to compute.
    func matching(_ candidates: [String]) -> String? {
        guard state == .set, isCheap else { return nil }
        return candidates.first { (try? PasswordHash.make(of: $0, setting: text)) == text }
    }

    /// The image names the cost, so it must not be able to keep us for hours.
    private var isCheap: Bool {
        let fields = text.split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        switch method {
        case "des", "md5": return true
        case "sha256", "sha512":
            guard fields.count > 2, fields[2].hasPrefix("rounds=") else { return true }
            return Int(fields[2].dropFirst(7)).map { $0 <= 20_000 } ?? false
        case "bcrypt": return fields.count > 2 && (Int(fields[2]).map { $0 <= 10 } ?? false)
        case "yescrypt": return fields.count > 2 && ["j75", "j85", "j95", "j9T"].contains(fields[2])
        default: return false
        }
    }
}
