import Foundation
import TestSupport
import Testing
import Trees

@testable import Volumes

/// File systems whose bitmaps call free what is in use: a new file would take it.
@Suite(.needs("mke2fs", "debugfs", "e2fsck"))
struct Ext4BitmapTests {
    /// The error of putting one more file.
    private func putting(_ image: Ext4Image) throws -> VolumeError? {
        do throws(VolumeError) {
            let volume = try Ext4Volume(device: MemoryDevice((try? image.bytes) ?? []), now: 1)
            try volume.put(.file("new"), at: "/new")
            try volume.close()
            return nil
        } catch {
            return error
        }
    }

    private func number(_ text: String, after word: String) throws -> Int {
        let rest = word.isEmpty ? text.startIndex : try #require(text.range(of: word)).upperBound
        return try #require(Int(text[rest...].drop { !$0.isNumber }.prefix { $0.isNumber }))
    }

    /// Frees a block in the bitmap and counts it as free, so that the file system agrees with itself.
    private func free(_ block: Int, in image: Ext4Image) throws {
        let before = try number(try image.debugfs("stats"), after: "Free blocks:")
        let groupFree = try groupFreeBlocks(of: image)
        try image.debugfs("freeb \(block)", writing: true)
        try setFreeBlocks(groupFree + 1, of: image)
        try image.debugfs("set_super_value free_blocks_count \(before + 1)", writing: true)
    }

    private func setFreeBlocks(_ count: Int, of image: Ext4Image) throws {
        try image.debugfs("set_block_group 0 free_blocks_count \(count)", writing: true)
        try image.debugfs("set_block_group 0 checksum calc", writing: true)
    }

    private func groupFreeBlocks(of image: Ext4Image) throws -> Int {
        let stats = try image.debugfs("stats")
        let group = try #require(stats.range(of: "Group  0:")).upperBound
        let line = try #require(stats[group...].range(of: "free block")).lowerBound
        let digits = stats[group..<line].reversed().drop { !$0.isNumber }.prefix { $0.isNumber }
        return try #require(Int(String(digits.reversed())))
    }

    @Test("a block of the journal, of the tables or of the orphan file that is called free is refused")
    func ownBlocks() throws {
        let format = Ext4Image.Format.trixie
        let whole = try Ext4Image(format)
        try whole.edit { try $0.put(.file("old"), at: "/old") }
        let stats = try whole.debugfs("stats")
        let journal = try number(try whole.debugfs("blocks <8>"), after: "")
        let orphans = try number(stats, after: "Orphan file inode:")
        let orphan = try number(try whole.debugfs("blocks <\(orphans)>"), after: "")
        let table = try number(stats, after: "inode table at")
        for (block, owner) in [
            (journal, "the journal"), (orphan, "the orphan file"), (table, "the file system's own tables"),
            (1, "the file system's own tables"),
        ] {
            let image = try Ext4Image(format)
            try free(block, in: image)
            #expect(try Shell.run("e2fsck", ["-fn", image.path]).status != 0, "\(owner)")
            let error = VolumeError.corrupt("the block bitmap calls block \(block) free, which belongs to \(owner)")
            #expect(try putting(image) == error)
            // What is in use is then not known either.
            #expect(throws: error) { try image.volume().usedRanges() }
        }
    }

    @Test("a count that its bitmap belies is refused")
    func counts() throws {
        let image = try Ext4Image(.debian)
        let free = try groupFreeBlocks(of: image)
        try setFreeBlocks(free - 1, of: image)
        #expect(
            try putting(image)
                == .corrupt("group 0 has \(free) free blocks by its bitmap and \(free - 1) by its descriptor"))
    }

    @Test("an inode in use that is called free is not given away")
    func inodes() throws {
        let image = try Ext4Image(.debian)
        try image.edit { try $0.put(.file("old"), at: "/old") }
        let inode = try number(try image.debugfs("stat /old"), after: "Inode:")
        try image.debugfs("freei <\(inode)>", writing: true)
        // debugfs leaves the count as it was.
        let error = try #require(try putting(image))
        guard case .corrupt(let text) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(text.contains("free inodes by its bitmap") || text.contains("which holds a file"), "\(text)")
    }

    @Test("a size that no map reaches is damage, and never summed")
    func sizes() throws {
        let image = try Ext4Image(.debian)
        try image.edit { try $0.put(.file("old"), at: "/old") }
        try image.debugfs("set_inode_field /old size 9223372036854775807", writing: true)
        let reader = try image.volume().treeReader()
        #expect { while try reader.next() != nil {} } throws: { error in
            guard case .corrupt(let text)? = error as? VolumeError else { return false }
            return text.contains("has a size of 9223372036854775807 bytes")
        }
    }
}
