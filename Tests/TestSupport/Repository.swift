import Foundation

/// The checkout that these tests belong to.
package enum Repository {
    package static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
}
