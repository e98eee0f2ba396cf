/// What userconf(.txt) on the boot partition asks for (RPi-Distro/userconf-pi, userconf-service): the first user gets
/// this name and this password hash.
package enum UserConf: Equatable, Sendable {
    case user(name: String, hash: String)
    /// The file is renamed to failed_userconf.txt and does nothing.
    case invalid(why: String)

    /// The names of the file, the one that is looked for first before the other.
    package static let fileNames = ["userconf", "userconf.txt"]

    /// The first line counts: `name:hash`.
    package init(lines: [String]) {
        let line = (lines.first ?? "").trimmedReturn
        guard let colon = line.firstIndex(of: ":") else {
            self = .invalid(why: "it has no colon")
            return
        }
        let name = String(line[..<colon])
        let hash = String(line[line.index(after: colon)...].prefix(while: { $0 != ":" }))
        if !Self.isAllowed(name) {
            self = .invalid(why: "userconf takes no user name like that")
        } else if hash.isEmpty {
            self = .invalid(why: "the password is empty")
        } else {
            self = .user(name: name, hash: hash)
        }
    }

    package static func isAllowed(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 32, name != "root" else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters.contains(first)
            && name.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") }
    }
}

extension String {
    fileprivate var trimmedReturn: String { hasSuffix("\r") ? String(dropLast()) : self }
}
