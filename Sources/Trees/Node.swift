/// One thing in a volume: a file, folder, link or special file, with all that a volume stores about it.
package struct FileNode: Equatable, Sendable {
    package var content: Content
    package var metadata: Metadata

    package enum Content: Equatable, Sendable {
        case file([UInt8])
        /// A file that is too large to be held in memory.
        case stored(StoredFile)
        case directory
        /// The link's text, as stored.
        case symlink(String)
        case special(Kind)
    }

    package enum Kind: Equatable, Sendable {
        case file, directory, symlink, characterDevice, blockDevice, fifo, socket
    }

    /// What a file system stores beside the bytes. A FAT volume stores `modified` alone.
    package struct Metadata: Equatable, Sendable {
        /// Permission bits, 0...0o7777.
        package var mode: UInt16
        package var owner: UInt32
        package var group: UInt32
        /// Seconds since 1970-01-01 UTC.
        package var modified: Int64
        /// By full name, such as `security.capability`.
        package var extendedAttributes: [String: [UInt8]]
        /// Which device a character or block device is; nil for anything else. Nil in what is put over a device of
        /// the same kind leaves its number.
        package var device: DeviceNumber?

        package init(
            mode: UInt16, owner: UInt32 = 0, group: UInt32 = 0, modified: Int64 = 0,
            extendedAttributes: [String: [UInt8]] = [:], device: DeviceNumber? = nil
        ) {
            self.mode = mode
            self.owner = owner
            self.group = group
            self.modified = modified
            self.extendedAttributes = extendedAttributes
            self.device = device
        }
    }

    /// What the kernel knows a device by: 12 bits of major and 20 of minor (include/linux/kdev_t.h).
    package struct DeviceNumber: Hashable, Sendable {
        package var major: UInt32
        package var minor: UInt32

        package init(major: UInt32, minor: UInt32) {
            self.major = major
            self.minor = minor
        }

        package var isStorable: Bool { major < 1 << 12 && minor < 1 << 20 }
    }

    package init(content: Content, metadata: Metadata) {
        self.content = content
        self.metadata = metadata
    }

    package var kind: Kind {
        switch content {
        case .file, .stored: .file
        case .directory: .directory
        case .symlink: .symlink
        case .special(let kind): kind
        }
    }
}

/// What can be known of a node without reading its bytes.
package struct FileStatus: Equatable, Sendable {
    package var kind: FileNode.Kind
    /// Bytes of a file or of a link's text; 0 for anything else.
    package var byteCount: Int64
    package var metadata: FileNode.Metadata

    package init(kind: FileNode.Kind, byteCount: Int64, metadata: FileNode.Metadata) {
        self.kind = kind
        self.byteCount = byteCount
        self.metadata = metadata
    }
}
