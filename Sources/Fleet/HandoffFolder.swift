import Blocks
import Glibc
package import Handoff
import Images
package import Plans
package import Reports

/// The folder with a cluster's hand-off, which may be committed and shared: no secret is in it.
package struct HandoffFolder {
    /// As the user gave it.
    package let path: String
    /// What the files in it call it.
    package var absolutePath: String { Self.absolute(path) }

    /// The folder may not exist yet.
    package init(path: String) { self.path = path }

    /// Whether a hand-off lies there.
    package var isThere: Bool { access(place(of: .sshConfig), R_OK) == 0 }

    /// Without links as far as it exists.
    private static func absolute(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        guard let slash = path.lastIndex(of: "/") else { return below(absolute("."), path) }
        let parent = slash == path.startIndex ? "/" : String(path[..<slash])
        return below(absolute(parent), String(path[path.index(after: slash)...]))
    }

    private static func below(_ folder: String, _ name: String) -> String {
        if name.isEmpty { return folder }
        return folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// One of its files.
    package struct File: Equatable, Sendable {
        package var document: HandoffDocument
        package var path: String
        /// False when it was right already, or is ssh's to write.
        package var isWritten: Bool
    }

    /// Writes all files, and makes the folder where it is missing. When one of them is there that no hand-off made, it is
    /// replaced only with `force`; else nothing is written. `force` forgets the keys that ssh has accepted, too.
    package func write(_ roster: Roster, force: Bool) throws(ForgeError) -> [File] {
        try OutputFolder.prepare(path)
        var texts: [(document: HandoffDocument, text: String)] = []
        for document in HandoffDocument.allCases {
            texts.append((document, try text(of: document, for: roster)))
        }
        var files: [File] = []
        for (document, text) in texts {
            let old = try existing(document)
            let isKept = old.map { $0 == text || document.isWrittenByOthers(roster) && !force } ?? false
            if let old, !isKept, !force, !HandoffDocument.isOwn(old) { throw foreign(document) }
            files.append(File(document: document, path: place(of: document), isWritten: !isKept))
        }
        for (file, (_, text)) in zip(files, texts) where file.isWritten {
            let output = try OutputFile(path: file.path, mode: 0o666, replacing: true)
            try output.write(Array(text.utf8).span.bytes, at: 0)
            try output.commit()
        }
        return files
    }

    package func text(of document: HandoffDocument, for roster: Roster) throws(ForgeError) -> String {
        try wrapping(
            document.text(for: roster, in: absolutePath),
            as: { (error: HandoffError) in ForgeError(.badInput, error.message, hint: error.hint) })
    }

    package func place(of document: HandoffDocument) -> String {
        (path.hasSuffix("/") ? path : path + "/") + document.fileName
    }

    // MARK: What is there

    /// A hand-off of 252 slots has 60 kB.
    private static let byteLimit = 1 << 20

    /// The text of a file that is there; nil when nothing is.
    private func existing(_ document: HandoffDocument) throws(ForgeError) -> String? {
        let path = place(of: document)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw ForgeError.reading(path, errno: errno)
        }
        defer { close(descriptor) }
        guard let bytes = Transfer.rest(of: descriptor, limit: Self.byteLimit) else {
            throw ForgeError.reading(path, errno: errno)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func foreign(_ document: HandoffDocument) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not replace \(place(of: document)): piforge handoff has not made it",
            hint: "use --force to replace it, or choose another folder with --output")
    }
}
