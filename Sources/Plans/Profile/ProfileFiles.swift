package import Trees

/// The user's files that a profile names: the only way by which a profile reaches a disk.
///
/// A path is as the profile has it: relative to the profile's folder, absolute, or beginning with `~/`; below a folder
/// names are appended with `/`.
package protocol ProfileFiles {
    /// The path as the user would open it.
    func resolve(_ path: String) -> String
    /// What lies at the path; a link at its end is followed only if asked for.
    func status(_ path: String, followingLink: Bool) throws(ProfileFileError) -> ProfileFileStatus
    /// All bytes of a file; `tooLarge` beyond `limit` bytes.
    func read(_ path: String, limit: Int) throws(ProfileFileError) -> [UInt8]
    /// A file that is too large to be held in memory, its bytes read once for their digest; nil for a smaller one, or
    /// one that can only be read once. `tooLarge` beyond `limit` bytes.
    func stored(_ path: String, limit: Int) throws(ProfileFileError) -> StoredFile?
    /// A Debian package (deb(5)): what it says of itself, and its bytes as `stored` has them; `failed` when it is none.
    func package(_ path: String) throws(ProfileFileError) -> PackageFile
    /// The names in a folder, in any order, without `.` and `..`.
    func entries(in path: String) throws(ProfileFileError) -> [String]
    /// The text of a symbolic link.
    func linkText(_ path: String) throws(ProfileFileError) -> String
}

extension ProfileFiles {
    /// For files that are in memory anyway.
    package func stored(_ path: String, limit: Int) throws(ProfileFileError) -> StoredFile? { nil }

    /// For those who have no packages.
    package func package(_ path: String) throws(ProfileFileError) -> PackageFile { throw .notFound }
}

/// What a path of the user's leads to.
package struct ProfileFileStatus: Equatable, Sendable {
    package var kind: Kind
    /// The owner may execute it.
    package var isExecutable: Bool
    /// Neither group nor others may read it.
    package var isPrivate: Bool

    package enum Kind: Equatable, Sendable {
        case file, folder, link
        /// A device, fifo or socket.
        case other
    }

    package init(kind: Kind, isExecutable: Bool, isPrivate: Bool = false) {
        self.kind = kind
        self.isExecutable = isExecutable
        self.isPrivate = isPrivate
    }
}

/// Why a file of the user's could not be read.
package enum ProfileFileError: Error, Equatable, Sendable {
    case notFound
    case notPermitted
    case notAFile
    case notAFolder
    case tooLarge(limit: Int)
    /// A name in a folder is not UTF-8.
    case invalidName
    /// Anything else, in the operating system's words.
    case failed(String)

    /// The end of "could not read PATH: …".
    package var reason: String {
        switch self {
        case .notFound: "no such file or folder"
        case .notPermitted: "permission denied"
        case .notAFile: "it is not a file"
        case .notAFolder: "it is not a folder"
        case .tooLarge(let limit): "it has more than \(limit) bytes"
        case .invalidName: "it holds a name that is not UTF-8"
        case .failed(let text): text
        }
    }
}

/// No files at all: every path is missing.
package struct NoProfileFiles: ProfileFiles {
    package init() {}
    package func resolve(_ path: String) -> String { path }
    package func status(_ path: String, followingLink: Bool) throws(ProfileFileError) -> ProfileFileStatus {
        throw .notFound
    }
    package func read(_ path: String, limit: Int) throws(ProfileFileError) -> [UInt8] { throw .notFound }
    package func entries(in path: String) throws(ProfileFileError) -> [String] { throw .notFound }
    package func linkText(_ path: String) throws(ProfileFileError) -> String { throw .notFound }
}
