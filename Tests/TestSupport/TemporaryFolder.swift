import Foundation

/// A folder that vanishes with this object.
package final class TemporaryFolder {
    package let path: String
    /// What the names of all these folders begin with.
    static let prefix = "piforge-test-"

    package init() throws {
        path = NSTemporaryDirectory() + Self.prefix + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
