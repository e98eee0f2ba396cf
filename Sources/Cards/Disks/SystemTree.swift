import Blocks
import Glibc
import Images

/// The files in which the kernel describes disks and mounts, below a folder that stands for `/`.
///
/// What is not there is nil or empty: sysfs differs from driver to driver, and disks go while it is read.
struct SystemTree: Sendable {
    /// Empty for this machine; tests name a folder with the recorded files of another.
    let root: String

    /// Attributes are at most a page; tables of mounts are longer.
    private static let byteLimit = 4 << 20

    func bytes(_ path: String) -> [UInt8]? {
        let descriptor = open(root + path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let bytes = Transfer.rest(of: descriptor, limit: Self.byteLimit), bytes.count < Self.byteLimit else {
            return nil
        }
        return bytes
    }

    /// The text of a file without the blanks and line ends around it; nil also when nothing else is in it.
    func text(_ path: String) -> String? {
        guard let bytes = bytes(path) else { return nil }
        let isBlank: (UInt8) -> Bool = { $0 <= 0x20 }
        let text = bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return text.isEmpty ? nil : String(decoding: Array(text), as: UTF8.self)
    }

    func number(_ path: String) -> Int64? { text(path).flatMap { Int64($0) } }

    func exists(_ path: String) -> Bool { access(root + path, F_OK) == 0 }

    /// The names in a folder, sorted.
    func names(_ path: String) -> [String] { FolderListing.names(in: root + path) ?? [] }

    /// Where a path leads to when all links are followed, seen from `root`.
    func destination(_ path: String) -> String? {
        guard let real = realpath(root + path, nil) else { return nil }
        defer { free(real) }
        let found = String(cString: real)
        guard !root.isEmpty, let base = realpath(root, nil) else { return root.isEmpty ? found : nil }
        defer { free(base) }
        let prefix = String(cString: base)
        return found.hasPrefix(prefix) ? String(found.dropFirst(prefix.count)) : nil
    }
}
