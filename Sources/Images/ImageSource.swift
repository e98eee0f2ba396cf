package import Blocks

/// Where an image or an archive is, and what it must be.
package struct ImageSource: Sendable {
    package var path: String
    /// SHA-256 of the file as it was downloaded; nil when nobody gave one.
    package var sha256: SHA256Digest?

    package init(path: String, sha256: SHA256Digest?) {
        self.path = path
        self.sha256 = sha256
    }
}
