package import Blocks
package import Reports

/// Where an image or an archive is, and what it must be.
package struct ImageSource: Sendable {
    /// The path or the address, as the person gave it.
    package var path: String
    /// SHA-256 of the file as it was downloaded; nil when nobody gave one.
    package var sha256: SHA256Digest?
    /// What it is called where it is worked on.
    package var name: String
    /// Brings it onto this machine; nil for what lies there.
    private var bring: Bringing?

    package typealias Bringing = @Sendable (@escaping Progress.Observer) throws(ForgeError) -> Local

    /// A file of this machine.
    package struct Local: Sendable {
        package let path: String
        /// The name that it had where it came from; nil for a file of the person's own.
        package let name: String?
        /// What must live as long as the file is used.
        let hold: (any Sendable)?

        package init(path: String, name: String?, hold: (any Sendable)?) {
            self.path = path
            self.name = name
            self.hold = hold
        }
    }

    package init(path: String, sha256: SHA256Digest?) {
        self.path = path
        self.sha256 = sha256
        name = path.fileName
    }

    /// For what lies elsewhere; `bring` may be called several times.
    package init(path: String, sha256: SHA256Digest?, name: String, bring: @escaping Bringing) {
        self.path = path
        self.sha256 = sha256
        self.name = name
        self.bring = bring
    }

    /// The file on this machine, brought there first if it must be.
    package func local(observe: @escaping Progress.Observer) throws(ForgeError) -> Local {
        guard let bring else { return Local(path: path, name: nil, hold: nil) }
        return try bring(observe)
    }

    /// The file of the person's that is read, which no output may replace; nil for what lies elsewhere.
    package var ownPath: String? { bring == nil ? path : nil }
}
