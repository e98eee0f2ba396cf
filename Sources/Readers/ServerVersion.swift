/// A version of OpenSSH.
package struct ServerVersion: Comparable, Sendable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// The one that a release of Debian has (packages.debian.org); the newest for a release that is not known.
    package init(codename: String?) {
        switch codename {
        case "stretch": self.init(7, 4)
        case "buster": self.init(7, 9)
        case "bullseye": self.init(8, 4)
        case "bookworm": self.init(9, 2)
        default: self.init(10, 0)
        }
    }

    package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

    package var description: String { "\(major).\(minor)" }

    /// `#` may begin a comment after the arguments, and KbdInteractiveAuthentication and
    /// ChallengeResponseAuthentication are one option.
    static let commentsAtLineEnds = ServerVersion(8, 7)
    static let joinedInteractive = ServerVersion(8, 7)
    /// A second `Subsystem` of one name is skipped, and no longer an error.
    static let repeatedSubsystems = ServerVersion(9, 5)
    /// PubkeyAcceptedKeyTypes became PubkeyAcceptedAlgorithms.
    static let acceptedAlgorithms = ServerVersion(8, 5)
    /// Security keys (`sk-…`).
    package static let securityKeys = ServerVersion(8, 2)
}
