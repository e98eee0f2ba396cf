import Testing
import Trees

@testable import Volumes

/// The pure decoders: tables of bytes.
struct Ext4DecodingTests {
    @Test("an access control list is the same in both forms")
    func accessLists() throws {
        let disk: [UInt8] =
            [1, 0, 0, 0] + [1, 0, 6, 0] + [2, 0, 4, 0, 0xE8, 3, 0, 0] + [4, 0, 4, 0] + [16, 0, 4, 0] + [32, 0, 0, 0]
        let list = try #require(PosixACL(onDisk: disk))
        #expect(list.asAttribute == Ext4MediaTests.accessList)
        #expect(PosixACL(attribute: list.asAttribute)?.onDisk == disk)
        for count in 0..<disk.count where ![4, 8, 16, 20, 24].contains(count) {
            #expect(PosixACL(onDisk: Array(disk.prefix(count))) == nil, "\(count)")
        }
        #expect(PosixACL(onDisk: [2, 0, 0, 0]) == nil)
        #expect(PosixACL(onDisk: [1, 0, 0, 0, 3, 0, 0, 0]) == nil)
        #expect(PosixACL(attribute: [1, 0, 0, 0]) == nil)
        #expect(PosixACL(attribute: [2, 0, 0, 0, 1, 0, 6, 0]) == nil)
    }

    @Test("a folder's block is refused unless its records fill it")
    func folderBlocks() throws {
        func record(_ inode: UInt8, _ length: UInt8, _ name: String, nameLength: UInt8? = nil) -> [UInt8] {
            let head: [UInt8] = [inode, 0, 0, 0, length, 0, nameLength ?? UInt8(name.utf8.count), 1]
            return head + Array(name.utf8) + [UInt8](repeating: 0, count: max(0, Int(length) - 8 - name.utf8.count))
        }
        let block = record(2, 12, ".") + record(2, 12, "..") + record(0, 12, "") + record(13, 28, "hello")
        let entries = try #require(DirectoryBlock(block)).entries
        #expect(entries.map(\.inode) == [2, 2, 13])
        #expect(entries.map(\.isSelfOrParent) == [true, true, false])
        #expect(entries.last?.offset == 36)
        #expect(entries.last?.name == Array("hello".utf8))
        #expect(DirectoryBlock(Array(block.dropLast(4))) == nil)
        #expect(DirectoryBlock(record(1, 16, "a/b")) == nil)
        #expect(DirectoryBlock(record(1, 16, "a\0b")) == nil)
        #expect(DirectoryBlock(record(1, 16, "")) == nil)
        #expect(DirectoryBlock(record(1, 16, "abc", nameLength: 9)) == nil)
        #expect(DirectoryBlock(record(1, 0, "")) == nil)
        #expect(DirectoryBlock(record(1, 18, "abc")) == nil)
    }

    @Test(
        "times from 1901 to 2446 survive",
        arguments: [Int64(Int32.min), -1, 0, 1_700_000_000, 0x7FFF_FFFF, 0x8000_0000, 0x1_0000_0000, 0x3_7FFF_FFFF])
    func times(_ seconds: Int64) {
        var large = Inode(number: 12, size: 256, extraSize: 32, now: 1)
        #expect(large.canStore(seconds))
        large.setTime(.modification, seconds)
        #expect(large.time(.modification) == seconds)
        #expect(large.time(.change) == 1)
        var small = Inode(number: 12, size: 128, extraSize: 0, now: 1)
        #expect(small.canStore(seconds) == (seconds <= 0x7FFF_FFFF))
        small.setTime(.modification, seconds)
        #expect((small.time(.modification) == seconds) == (seconds <= 0x7FFF_FFFF))
    }

    @Test("an extent tree that leads in circles or out of the volume is refused")
    func maps() throws {
        var bytes = [UInt8](repeating: 0, count: 1024)
        func set(_ offset: Int, _ value: UInt32) {
            for shift in 0..<4 { bytes[offset + shift] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(shift))) }
        }
        set(0x04, 1000)
        set(0x38, 0xEF53)
        let superblock = try Superblock(bytes)
        let index: [UInt8] = [0x0A, 0xF3, 1, 0, 4, 0, 1, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0]
        var inode = Inode(number: 12, size: 128, extraSize: 0, now: 1)
        inode.flags = Inode.Flag.extents
        func decode(_ map: [UInt8], node: [UInt8] = []) throws(VolumeError) -> InodeBlockMap {
            inode.map = map + [UInt8](repeating: 0, count: 60 - map.count)
            return try InodeBlockMap(of: inode, in: superblock, at: "/x") { (_) throws(VolumeError) in node }
        }
        let leaf: [UInt8] = [0x0A, 0xF3, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0]
        let first: [UInt8] = [0, 0, 0, 0, 5, 0, 0, 0, 100, 0, 0, 0]
        let second: [UInt8] = [5, 0, 0, 0, 2, 0x80, 0, 0, 105, 0, 0, 0]
        let map = try decode(leaf + first + second)
        #expect(
            map.runs == [
                .init(logical: 0, physical: 100, count: 5, isWritten: true),
                .init(logical: 5, physical: 105, count: 2, isWritten: false),
            ])
        #expect(map.denseCount == nil)
        #expect(map.mappedCount == 7)
        #expect(throws: VolumeError.corrupt("/x: extents out of order at block 5")) {
            try decode(leaf + second + first)
        }
        #expect(throws: VolumeError.corrupt("/x: an extent of 5 blocks at block 0")) {
            try decode(leaf + first + [4] + second.dropFirst())
        }
        #expect(throws: VolumeError.corrupt("/x: 2 blocks at 999 of 1000")) {
            try decode(leaf + first + [5, 0, 0, 0, 2, 0, 0, 0, 0xE7, 3, 0, 0])
        }
        #expect(throws: VolumeError.corrupt("/x: an extent node of 1/4 entries at depth 1")) {
            try decode(index, node: index + [UInt8](repeating: 0, count: 1000))
        }
        inode.flags = 0
        let indirect = [UInt8](repeating: 0, count: 56) + [50, 0, 0, 0]
        let loop = [50, 0, 0, 0] + [UInt8](repeating: 0, count: 1020)
        #expect(throws: VolumeError.corrupt("/x: block 50 is a map node twice")) { try decode(indirect, node: loop) }
    }
}
