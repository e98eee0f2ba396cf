import Foundation
import TestSupport
import Testing
import Trees
@testable import Volumes

/// An ext file system in a file of its own, made, filled and judged by e2fsprogs.
final class Ext4Image {
    struct Format: Sendable, CustomTestStringConvertible {
        var name: String
        var type = "ext4"
        var blockSize = 4096
        var inodeSize = 256
        /// For `-O`, on top of what the type brings.
        var features: [String] = []
        var kibibytes = 32768
        var inodes: Int?
        /// Further options, and what `-E` gets besides.
        var options: [String] = []
        var extended: [String] = []

        var testDescription: String { name }

        /// As pi-gen makes it since bullseye: checksums, no 64 bit.
        static let debian = Format(name: "pi-gen", features: ["^64bit", "^huge_file", "metadata_csum"])
        static let trixie = Format(
            name: "trixie", features: ["^64bit", "^huge_file", "metadata_csum", "metadata_csum_seed", "orphan_file"])
        static let stretch = Format(name: "stretch", features: ["^metadata_csum", "^64bit", "^huge_file"])
        static let checksummed = Format(
            name: "1 KiB", blockSize: 1024, inodeSize: 128, features: ["metadata_csum", "64bit", "dir_nlink"],
            kibibytes: 16384)
        static let wide = Format(
            name: "2 KiB, 1024-byte inodes", blockSize: 2048, inodeSize: 1024,
            features: ["metadata_csum", "64bit", "meta_bg", "^resize_inode"])
        static let uninit = Format(
            name: "uninit_bg", blockSize: 1024, features: ["^metadata_csum", "uninit_bg"], kibibytes: 65536)
        static let ext3 = Format(name: "ext3", type: "ext3", blockSize: 2048)
        static let ext2 = Format(name: "ext2", type: "ext2", blockSize: 1024, inodeSize: 128, kibibytes: 16384)
        static let all = [debian, trixie, stretch, checksummed, wide, uninit, ext3, ext2]
    }

    /// The time of every change by us in these tests.
    static let now: Int64 = 1_750_000_000

    let path: String
    let format: Format
    private let folder: TemporaryFolder

    /// Makes the file system, filled from the folder `contents` if given.
    init(_ format: Format, contents: String? = nil) throws {
        self.format = format
        folder = try TemporaryFolder()
        path = folder.path + "/ext.img"
        var arguments = ["-q", "-t", format.type, "-b", "\(format.blockSize)", "-I", "\(format.inodeSize)"]
        arguments += ["-L", "rootfs", "-U", "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e5f"]
        let extended = ["hash_seed=00112233-4455-6677-8899-aabbccddeeff"] + format.extended
        arguments += ["-E", extended.joined(separator: ",")] + format.options
        if !format.features.isEmpty { arguments += ["-O", format.features.joined(separator: ",")] }
        if let inodes = format.inodes { arguments += ["-N", "\(inodes)"] }
        if let contents { arguments += ["-d", contents] }
        let configuration = folder.path + "/mke2fs.conf"
        try Data(Self.configuration.utf8).write(to: URL(fileURLWithPath: configuration))
        let made = try Shell.run(
            "mke2fs", arguments + [path, "\(format.kibibytes)k"],
            environment: ["E2FSPROGS_FAKE_TIME": "1700000000", "MKE2FS_CONFIG": configuration])
        try #require(made.status == 0, "\(made.error)")
    }

    /// The defaults of mke2fs, stated here because each distribution has its own.
    private static let configuration = """
        [defaults]
        base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
        default_mntopts = acl,user_xattr
        inode_ratio = 16384
        [fs_types]
        ext3 = {
            features = has_journal
        }
        ext4 = {
            features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
        }

        """

    var bytes: [UInt8] {
        get throws { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    }

    func replace(by bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    func volume(now: Int64 = Ext4Image.now) throws -> Ext4Volume {
        try Ext4Volume(device: ImageFile(path), now: now)
    }

    /// Edits the volume and closes it.
    func edit(_ body: (Ext4Volume) throws -> Void) throws {
        let volume = try volume()
        try body(volume)
        try volume.close()
    }

    /// e2fsck must find nothing at all to complain about.
    func check() throws {
        let result = try Shell.run("e2fsck", ["-fn", path])
        let complaints = result.error.split(separator: "\n").filter { !$0.hasPrefix("e2fsck 1.") }
        #expect(result.status == 0 && complaints.isEmpty, "\(result.output)\(result.error)")
    }

    /// What debugfs says to one command; with `writing` it may change the image.
    @discardableResult
    func debugfs(_ command: String, writing: Bool = false) throws -> String {
        let result = try Shell.run("debugfs", (writing ? ["-w"] : []) + ["-R", command, path])
        // htree_dump misses a checksum's place even where there are no checksums.
        let errors = result.error.split(separator: "\n").filter {
            !$0.hasPrefix("debugfs 1.") && !$0.hasPrefix("htree_dump_int_block: Directory block does not have space")
        }
        try #require(result.status == 0 && errors.isEmpty, "\(command): \(result.error)")
        return result.output
    }
}
