import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// All extended attributes by full name, those in the inode and those in its block.
    ///
    /// POSIX ACLs come in the form that `getxattr` gives, not in the shorter one on disk.
    func attributes(of inode: Inode, at path: VolumePath) throws(VolumeError) -> [String: [UInt8]] {
        guard superblock.features.has(.extendedAttributes) else { return [:] }
        guard inode.attributeBlock != 0 || inode.hasInlineAttributes else { return [:] }
        let found = try withAttributes(of: inode, at: path) { (handle) throws(VolumeError) in
            let found = Found()
            let code = ext2fs_xattrs_iterate(
                handle,
                { name, value, count, data in
                    guard let name, let data else { return 0 }
                    let found = Unmanaged<Found>.fromOpaque(data).takeUnretainedValue()
                    let bytes = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : count)
                    found.raw[String(cString: name)] = Array(bytes)
                    return 0
                }, Unmanaged.passUnretained(found).toOpaque())
            try check(code, at: path, "xattrs_iterate")
            return found
        }
        var attributes: [String: [UInt8]] = [:]
        for (name, bytes) in found.raw {
            guard PosixACL.names.contains(name) else {
                attributes[name] = bytes
                continue
            }
            guard let acl = PosixACL(onDisk: bytes) else {
                throw .corrupt("\(path): \(name) is no access control list")
            }
            attributes[name] = acl.asAttribute
        }
        return attributes
    }

    /// Makes `wanted` the attributes of `inode`, which is on the device; the caller reads it again.
    ///
    /// All are set anew in the order of their names, so that the bytes do not depend on what was there.
    func setAttributes(
        of inode: Inode, to wanted: [String: [UInt8]], replacing old: [String: [UInt8]], at path: VolumePath
    ) throws(VolumeError) {
        guard wanted != old else { return }
        markChanged()
        try withAttributes(of: inode, at: path) { (handle) throws(VolumeError) in
            for name in old.keys.sorted() { try check(ext2fs_xattr_remove(handle, name), at: path, "xattr_remove") }
            for (name, bytes) in wanted.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                let raw = PosixACL.names.contains(name) ? PosixACL(attribute: bytes)?.onDisk ?? bytes : bytes
                // An empty array has no address, and C copies from one in any case.
                let code = (raw + [0]).withUnsafeBytes { ext2fs_xattr_set(handle, name, $0.baseAddress, raw.count) }
                try check(code, at: path, "xattr_set")
            }
        }
    }

    /// Throws `notStorable` unless all of `attributes` can be written; true when they need a block of their own.
    ///
    /// Each goes into the inode if there is room, else into the block, in the order of `setAttributes`. An entry takes
    /// 16 bytes, its name without the prefix and its value, both padded to 4 (kernel: fs/ext4/xattr.h).
    /// `extraSize` is the inode's `i_extra_isize`.
    func checkAttributes(
        _ attributes: [String: [UInt8]], extraSize: UInt16, at path: VolumePath
    ) throws(VolumeError) -> Bool {
        guard !attributes.isEmpty else { return false }
        guard superblock.features.has(.extendedAttributes) else {
            throw .notStorable(path, what: "an extended attribute (the file system lacks ext_attr)")
        }
        var inodeRoom = Int(superblock.inodeSize) - 128 - Int(extraSize) - 8
        var blockRoom = superblock.blockSize - 32 - 4
        var needsBlock = false
        for (name, bytes) in attributes.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            // XATTR_NAME_MAX of include/uapi/linux/limits.h counts the prefix.
            guard let suffix = Self.suffix(ofAttribute: name), name.utf8.count <= 255, !name.utf8.contains(0) else {
                throw .notStorable(path, what: "an extended attribute called \(name)")
            }
            var count = bytes.count
            if PosixACL.names.contains(name) {
                guard let acl = PosixACL(attribute: bytes) else {
                    throw .notStorable(path, what: "an access control list of \(bytes.count) bytes")
                }
                count = acl.onDisk.count
            }
            guard count <= 65536 else { throw .notStorable(path, what: "\(count) bytes of \(name)") }
            let needed = 16 + (suffix + 3) / 4 * 4 + (count + 3) / 4 * 4
            if needed <= inodeRoom {
                inodeRoom -= needed
            } else if needed <= blockRoom {
                blockRoom -= needed
                needsBlock = true
            } else {
                throw .notStorable(path, what: "\(bytes.count) bytes of \(name)")
            }
        }
        return needsBlock
    }

    /// Refuses what fits into the file system but no kernel sets: attributes of users except on files and folders
    /// (xattr(7)), access lists on links, and default ones on anything but folders (fs/ext4/acl.c, fs/posix_acl.c).
    func checkKernelTakes(
        _ attributes: [String: [UInt8]], of kind: FileNode.Kind, at path: VolumePath
    ) throws(VolumeError) {
        for name in attributes.keys.sorted() {
            let isRefused =
                switch name {
                case "system.posix_acl_default": kind != .directory
                case _ where PosixACL.names.contains(name): kind == .symlink
                default: name.hasPrefix("user.") && kind != .file && kind != .directory
                }
            if isRefused { throw .notStorable(path, what: "attribute \(name) of a \(kind)") }
        }
    }

    /// Bytes of a name without the prefix that is stored as a number; nil without a prefix that has one.
    private static func suffix(ofAttribute name: String) -> Int? {
        if PosixACL.names.contains(name) { return 0 }
        for prefix in ["user.", "trusted.", "security."] where name.hasPrefix(prefix) && name != prefix {
            return name.utf8.count - prefix.utf8.count
        }
        return nil
    }

    private func withAttributes<R>(
        of inode: Inode, at path: VolumePath, _ body: (OpaquePointer) throws(VolumeError) -> R
    ) throws(VolumeError) -> R {
        var handle: OpaquePointer?
        try check(ext2fs_xattrs_open(fs, inode.number, &handle), at: path, "xattrs_open")
        defer { _ = ext2fs_xattrs_close(&handle) }
        guard let opened = handle else { throw .device("out of memory") }
        // Values as on disk: libext2fs' conversion of lists reads beyond a damaged one.
        var flags = UInt32(XATTR_HANDLE_FLAG_RAW)
        try check(ext2fs_xattrs_flags(opened, &flags, nil), at: path, "xattrs_flags")
        try check(ext2fs_xattrs_read(opened), at: path, "xattrs_read")
        return try body(opened)
    }

    private final class Found {
        var raw: [String: [UInt8]] = [:]
    }
}
