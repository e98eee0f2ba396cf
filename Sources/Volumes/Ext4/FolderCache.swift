import Blocks

/// The entries of folders that were decoded, by the folder's inode number: a plan looks into the same few for a hundred
/// paths.
final class FolderCache {
    private var folders: [UInt32: [ByteKey: UInt32]] = [:]
    private var count = 0

    /// Entries kept at most, some 10 MB.
    private static let limit = 1 << 17

    /// The inode numbers by name; nil when the folder is not kept.
    func numbers(in folder: UInt32) -> [ByteKey: UInt32]? { folders[folder] }

    func keep(_ numbers: [ByteKey: UInt32], of folder: UInt32) {
        if count + numbers.count > Self.limit { forget() }
        folders[folder] = numbers
        count += numbers.count
    }

    func forget() {
        guard count > 0 else { return }
        folders = [:]
        count = 0
    }
}
