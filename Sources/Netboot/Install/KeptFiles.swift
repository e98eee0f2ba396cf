import Blocks
import CLinux
import Glibc
import Images
package import Reports
package import Trees

/// What a node changed in its tree and shall find again in the new one: files, folders and links, read into memory.
package struct KeptFiles {
    /// All of them together, in bytes: what is kept lies in memory until the new tree is written.
    static let limit = 64 << 20

    private(set) var edits = TreeEdits()
    /// The folders above them, which the new tree may lack.
    private(set) var folders: [VolumePath: FileNode] = [:]
    /// Paths that were to be kept and are not there.
    package private(set) var missing: [VolumePath] = []
    /// The size of all files together.
    package private(set) var byteCount = 0
    private let folder: String

    /// Reads `paths` with all that is below them from the tree in `folder`; what is not there is passed over.
    package init(_ paths: [VolumePath], in folder: String) throws(ForgeError) {
        self.folder = folder
        for path in paths {
            var isReachable = true
            for ancestor in path.ancestors where isReachable {
                isReachable = try status(ancestor)?.isFolder ?? false
                if isReachable, folders[ancestor] == nil { folders[ancestor] = try node(ancestor) }
            }
            if isReachable, try status(path) != nil { try keep(path) } else { missing.append(path) }
        }
    }

    private struct Status {
        var facts: stat
        var isFolder: Bool { facts.st_mode & S_IFMT == S_IFDIR }
    }

    private func name(_ path: VolumePath) -> String { folder + path.description }

    /// The folder above `path`, nil when there is none. The tree is the node's, which may put a link anywhere and at any
    /// time.
    private func parent(of path: VolumePath) throws(ForgeError) -> PlainFolder? {
        if let tree = PlainFolder(folder), let parent = tree.folder(path.parent.components) { return parent }
        guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw ForgeError.reading(name(path), errno: errno) }
        return nil
    }

    private func status(_ path: VolumePath) throws(ForgeError) -> Status? {
        guard let parent = try parent(of: path) else { return nil }
        guard let facts = parent.status(of: path.name ?? ".") else {
            guard errno == ENOENT || errno == ENOTDIR else { throw ForgeError.reading(name(path), errno: errno) }
            return nil
        }
        return Status(facts: facts)
    }

    private mutating func keep(_ path: VolumePath) throws(ForgeError) {
        try Interruption.check()
        guard let node = try node(path) else { return }
        edits[path] = .some(node)
        guard node.kind == .directory else { return }
        guard let parent = try parent(of: path), let own = parent.folder([path.name ?? "."]),
            let names = FolderListing.names(in: own.path(of: "."))
        else { throw ForgeError.reading(name(path), errno: errno) }
        for name in names {
            guard let child = path.appending(name) else { continue }
            try keep(child)
        }
    }

    private mutating func node(_ path: VolumePath) throws(ForgeError) -> FileNode? {
        guard let facts = try status(path)?.facts else { return nil }
        let content: FileNode.Content
        switch facts.st_mode & S_IFMT {
        case S_IFREG: content = .file(try bytes(path, count: Int(facts.st_size)))
        case S_IFLNK: content = .symlink(try text(path))
        case S_IFDIR: content = .directory
        default:
            throw ForgeError(
                .badInput, "could not keep \(name(path)): only files, folders and links can be kept",
                hint: "leave it out of --keep")
        }
        let metadata = FileNode.Metadata(
            mode: UInt16(facts.st_mode & 0o7777), owner: facts.st_uid, group: facts.st_gid,
            modified: Int64(facts.st_mtim.tv_sec), extendedAttributes: try attributes(path))
        return FileNode(content: content, metadata: metadata)
    }

    private mutating func bytes(_ path: VolumePath, count: Int) throws(ForgeError) -> [UInt8] {
        guard count <= Self.limit - byteCount else {
            throw ForgeError(
                .badInput, "could not keep \(name(path)): all that is kept may have \(ByteCount(Int64(Self.limit)))",
                hint: "keep fewer files; move the larger ones out of the tree and back")
        }
        guard let parent = try parent(of: path) else { throw ForgeError.reading(name(path), errno: ENOENT) }
        let bytes = try RegularFile.bytes(of: path.name ?? ".", in: parent, path: name(path), limit: count)
        guard bytes.count == count else { throw ForgeError.reading(name(path), errno: EIO) }
        byteCount += count
        return bytes
    }

    private func text(_ path: VolumePath) throws(ForgeError) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let parent = try parent(of: path) else { throw ForgeError.reading(name(path), errno: ENOENT) }
        let count = readlinkat(parent.descriptor, path.name ?? ".", &bytes, bytes.count)
        let units = bytes.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }
        guard count > 0, let text = String(validating: units, as: UTF8.self) else {
            throw ForgeError.reading(name(path), errno: count < 0 ? errno : EILSEQ)
        }
        return text
    }

    /// Nothing where the file system has no attributes.
    private func attributes(_ path: VolumePath) throws(ForgeError) -> [String: [UInt8]] {
        guard let parent = try parent(of: path) else { throw ForgeError.reading(name(path), errno: ENOENT) }
        let place = parent.path(of: path.name ?? ".")
        // The most that Linux has of either (limits.h, XATTR_LIST_MAX and XATTR_SIZE_MAX).
        var list = [UInt8](repeating: 0, count: 65536)
        let count = list.withUnsafeMutableBytes {
            llistxattr(place, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count >= 0 else {
            guard errno == ENOTSUP else { throw ForgeError.reading(name(path), errno: errno) }
            return [:]
        }
        var attributes: [String: [UInt8]] = [:]
        for bytes in list.prefix(count).split(separator: 0) {
            let key = String(decoding: bytes, as: UTF8.self)
            var value = [UInt8](repeating: 0, count: 65536)
            let length = value.withUnsafeMutableBytes { lgetxattr(place, key, $0.baseAddress, $0.count) }
            guard length >= 0 else { throw ForgeError.reading(name(path), errno: errno) }
            attributes[key] = Array(value.prefix(length))
        }
        return attributes
    }
}

extension KeptFiles {
    /// What goes into a tree that `base` and `edits` make: what is kept, and the folders that are missing above it. A
    /// kept folder's files join those of the new tree.
    ///
    /// Throws `badInput` where a folder of one tree is something else in the other.
    package func edits(over edits: TreeEdits, of base: NetbootBase) throws(ForgeError) -> TreeEdits {
        var result = edits
        for (path, node) in self.edits.nodes.sorted(by: { $0.key < $1.key }) {
            guard let node else { continue }
            for ancestor in path.ancestors {
                if let kind = try Self.kind(at: ancestor, in: result, of: base) {
                    guard kind == .directory else { throw Self.clash(path, with: ancestor, isFolder: false) }
                } else if let folder = folders[ancestor] {
                    result[ancestor] = .some(folder)
                }
            }
            let kind = try Self.kind(at: path, in: result, of: base)
            if let kind, (kind == .directory) != (node.kind == .directory) {
                throw Self.clash(path, with: path, isFolder: kind == .directory)
            }
            result[path] = .some(node)
        }
        return result
    }

    private static func kind(
        at path: VolumePath, in edits: TreeEdits, of base: NetbootBase
    ) throws(ForgeError) -> FileNode.Kind? {
        if let edit = edits[path] { return edit?.kind }
        do throws(VolumeError) {
            return path.isBelow(base.bootMount)
                ? try base.boot.status(at: path.relative(to: base.bootMount))?.kind
                : try base.root.status(at: path)?.kind
        } catch {
            if case .notADirectory = error { return nil }
            throw ForgeError(error, on: .root)
        }
    }

    private static func clash(_ path: VolumePath, with other: VolumePath, isFolder: Bool) -> ForgeError {
        ForgeError(
            .badInput,
            "could not keep \(path): in the new tree \(other) is \(isFolder ? "a folder" : "no folder"), in the old one it is "
                + (isFolder ? "none" : "one"), hint: "leave it out of --keep")
    }
}
