import Foundation
import TestSupport

/// An ordinary user with a home of its own; there is none to become when the tests run as an ordinary user themselves.
struct OtherUser {
    /// Belongs to that user.
    let folder: TemporaryFolder
    let piforge: Piforge

    init?() throws {
        guard getuid() == 0 else { return nil }
        let id = 65534
        folder = try TemporaryFolder()
        try FileManager.default.setAttributes(
            [.ownerAccountID: id, .groupOwnerAccountID: id], ofItemAtPath: folder.path)
        piforge = Piforge(
            folder: folder.path, cache: folder.path + "/cache",
            prefix: ["setpriv", "--reuid=\(id)", "--regid=\(id)", "--clear-groups", "--"])
    }
}
