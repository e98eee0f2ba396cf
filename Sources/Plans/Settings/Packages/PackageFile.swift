package import Readers

/// A package file of the user's, as the planner knows it: what it says of itself, and its bytes.
package struct PackageFile: Equatable, Sendable {
    package var facts: PackageFacts
    /// How the files in it are packed: `xz`, `zst`, `gz`, empty for not at all.
    package var dataPacking: String
    /// All bytes of the file.
    package var content: Settings.FileCopy.Content
    /// What its programs need; read when somebody asks.
    package var programs: any PackagePrograms
    /// The setting that asks for it: `debs`, or `packages` for what was found by a name.
    package var key = "debs"

    package init(
        facts: PackageFacts, dataPacking: String, content: Settings.FileCopy.Content, programs: any PackagePrograms
    ) {
        self.facts = facts
        self.dataPacking = dataPacking
        self.content = content
        self.programs = programs
    }

    /// The same bytes have the same programs.
    package static func == (a: PackageFile, b: PackageFile) -> Bool { a.facts == b.facts && a.content == b.content }

    /// `docker.io 20.10.24+dfsg1-1, 30512344 bytes`, with the digest of a large one.
    var summary: String {
        let digest = if case .stored(let file) = content { ", sha256 \(file.sha256)" } else { "" }
        return "\(facts.summary), \(byteCount) bytes\(digest)"
    }

    /// Bytes of the file.
    package var byteCount: Int64 {
        switch content {
        case .file(let bytes): Int64(bytes.count)
        case .stored(let file): file.byteCount
        case .directory, .symlink: 0
        }
    }
}

/// The programs in a package, for which all of it must be unpacked.
package protocol PackagePrograms: Sendable {
    /// The programs and libraries of 32-bit ARM that say what processor they need: of each need the first one's path in
    /// the package.
    func needs() throws(ProfileFileError) -> [ProcessorNeed: String]
}

/// A package without programs.
package struct NoPackagePrograms: PackagePrograms {
    package init() {}
    package func needs() -> [ProcessorNeed: String] { [:] }
}
