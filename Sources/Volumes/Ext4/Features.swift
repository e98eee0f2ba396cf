package import Trees

/// What a file system uses beyond plain ext2: the three feature words of its superblock.
package struct Features: Equatable, Sendable {
    package let compatible: UInt32
    package let incompatible: UInt32
    package let readOnly: UInt32

    package init(compatible: UInt32, incompatible: UInt32, readOnly: UInt32) {
        self.compatible = compatible
        self.incompatible = incompatible
        self.readOnly = readOnly
    }

    /// One feature: the word it is in, its bit and the name that mke2fs and tune2fs use for it.
    package struct Feature: Equatable, Sendable {
        enum Word { case compatible, incompatible, readOnly }
        let word: Word
        let bit: UInt32
        package let name: String
        /// Whether files may be read and changed in its presence.
        let isKept: Bool
    }

    /// The way on from whatever a check of the file system mends; `IMAGE` stands for the image's path.
    package static let repair = "make a clean copy of it: piforge repair IMAGE"

    package func has(_ feature: Feature) -> Bool { bits(of: feature.word) & feature.bit != 0 }

    /// The names of all features that are on, unknown ones by word and bit, in the order of the words.
    package var names: [String] { known.map(\.name) + unknown }

    /// Throws `unsupported` for the first feature that is not known to be safe.
    ///
    /// An unknown compatible feature would be harmless by definition, but nothing new has been seen to be one.
    package func check() throws(VolumeError) {
        if has(.needsRecovery) {
            throw .unsupported(
                feature: "a journal that was not replayed (was it copied while the card was in use?)",
                remedy: Self.repair)
        }
        if has(.orphanPresent) {
            throw .unsupported(
                feature: "orphan_present (orphaned inodes to clean up)", remedy: Self.repair)
        }
        if let feature = known.first(where: { !$0.isKept }) {
            throw .unsupported(
                feature: feature.name, remedy: "make the image without it: mke2fs -O ^\(feature.name)")
        }
        if let name = unknown.first {
            throw .unsupported(feature: name, remedy: "use an image made with features this program knows")
        }
    }

    private var known: [Feature] { Feature.all.filter(has) }

    private var unknown: [String] {
        var names: [String] = []
        for (word, name) in [
            (Feature.Word.compatible, "compat"), (.incompatible, "incompat"), (.readOnly, "ro_compat"),
        ] {
            let knownBits = Feature.all.filter { $0.word == word }.reduce(0) { $0 | $1.bit }
            let rest = bits(of: word) & ~knownBits
            for shift in 0..<32 where rest & (1 << UInt32(shift)) != 0 {
                names.append("unknown \(name) feature 0x\(String(UInt32(1) << UInt32(shift), radix: 16))")
            }
        }
        return names
    }

    private func bits(of word: Feature.Word) -> UInt32 {
        switch word {
        case .compatible: compatible
        case .incompatible: incompatible
        case .readOnly: readOnly
        }
    }
}

extension Features.Feature {
    static let hasJournal = Self(word: .compatible, bit: 0x4, name: "has_journal", isKept: true)
    static let extendedAttributes = Self(word: .compatible, bit: 0x8, name: "ext_attr", isKept: true)
    static let resizeInode = Self(word: .compatible, bit: 0x10, name: "resize_inode", isKept: true)
    static let hashedDirectories = Self(word: .compatible, bit: 0x20, name: "dir_index", isKept: true)
    static let orphanFile = Self(word: .compatible, bit: 0x1000, name: "orphan_file", isKept: true)
    static let needsRecovery = Self(word: .incompatible, bit: 0x4, name: "needs_recovery", isKept: false)
    static let fileTypes = Self(word: .incompatible, bit: 0x2, name: "filetype", isKept: true)
    static let metaGroups = Self(word: .incompatible, bit: 0x10, name: "meta_bg", isKept: true)
    static let extents = Self(word: .incompatible, bit: 0x40, name: "extent", isKept: true)
    static let sixtyFourBit = Self(word: .incompatible, bit: 0x80, name: "64bit", isKept: true)
    static let hugeFiles = Self(word: .readOnly, bit: 0x8, name: "huge_file", isKept: true)
    static let sparseBackups = Self(word: .readOnly, bit: 0x1, name: "sparse_super", isKept: true)
    static let largeFiles = Self(word: .readOnly, bit: 0x2, name: "large_file", isKept: true)
    static let manySubfolders = Self(word: .readOnly, bit: 0x20, name: "dir_nlink", isKept: true)
    static let metadataChecksum = Self(word: .readOnly, bit: 0x400, name: "metadata_csum", isKept: true)
    static let descriptorChecksum = Self(word: .readOnly, bit: 0x10, name: "uninit_bg", isKept: true)
    static let orphanPresent = Self(word: .readOnly, bit: 0x10000, name: "orphan_present", isKept: false)

    /// Every feature with a name (e2fsprogs 1.47, lib/e2p/feature.c).
    static let all: [Self] = [
        Self(word: .compatible, bit: 0x1, name: "dir_prealloc", isKept: true),
        Self(word: .compatible, bit: 0x2, name: "imagic_inodes", isKept: false),
        hasJournal, extendedAttributes,
        resizeInode, hashedDirectories,
        Self(word: .compatible, bit: 0x80, name: "exclude_inode", isKept: false),
        Self(word: .compatible, bit: 0x100, name: "snapshot_bitmap", isKept: false),
        Self(word: .compatible, bit: 0x200, name: "sparse_super2", isKept: false),
        Self(word: .compatible, bit: 0x400, name: "fast_commit", isKept: true),
        Self(word: .compatible, bit: 0x800, name: "stable_inodes", isKept: true),
        orphanFile,
        Self(word: .incompatible, bit: 0x1, name: "compression", isKept: false),
        fileTypes,
        needsRecovery,
        Self(word: .incompatible, bit: 0x8, name: "journal_dev", isKept: false),
        metaGroups, extents, sixtyFourBit,
        Self(word: .incompatible, bit: 0x100, name: "mmp", isKept: false),
        Self(word: .incompatible, bit: 0x200, name: "flex_bg", isKept: true),
        Self(word: .incompatible, bit: 0x400, name: "ea_inode", isKept: false),
        Self(word: .incompatible, bit: 0x1000, name: "dirdata", isKept: false),
        Self(word: .incompatible, bit: 0x2000, name: "metadata_csum_seed", isKept: true),
        Self(word: .incompatible, bit: 0x4000, name: "large_dir", isKept: false),
        Self(word: .incompatible, bit: 0x8000, name: "inline_data", isKept: false),
        Self(word: .incompatible, bit: 0x10000, name: "encrypt", isKept: false),
        Self(word: .incompatible, bit: 0x20000, name: "casefold", isKept: false),
        sparseBackups, largeFiles, hugeFiles, descriptorChecksum, manySubfolders,
        Self(word: .readOnly, bit: 0x40, name: "extra_isize", isKept: true),
        Self(word: .readOnly, bit: 0x80, name: "snapshot", isKept: false),
        Self(word: .readOnly, bit: 0x100, name: "quota", isKept: false),
        Self(word: .readOnly, bit: 0x200, name: "bigalloc", isKept: false),
        metadataChecksum,
        Self(word: .readOnly, bit: 0x800, name: "replica", isKept: false),
        Self(word: .readOnly, bit: 0x1000, name: "read-only", isKept: false),
        Self(word: .readOnly, bit: 0x2000, name: "project", isKept: false),
        Self(word: .readOnly, bit: 0x4000, name: "shared_blocks", isKept: false),
        Self(word: .readOnly, bit: 0x8000, name: "verity", isKept: false),
        orphanPresent,
    ]
}
