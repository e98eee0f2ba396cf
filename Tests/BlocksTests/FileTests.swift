import Blocks
import Foundation
import TestSupport
import Testing

struct FileTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/file"
    }

    private func write(_ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test("a folder's names come in the order of their bytes, as they are stored or as text")
    func listing() throws {
        let made = try Shell.run(
            "sh", ["-c", "cd '\(folder.path)' && touch b a B .hidden \"$(printf '\\377')\" && mkdir sub"])
        try #require(made.status == 0)
        let stored = try #require(FolderListing.storedNames(in: folder.path))
        #expect(stored == [".hidden", "B", "a", "b", "sub"].map { Array($0.utf8) } + [[0xFF]])
        #expect(FolderListing.names(in: folder.path) == [".hidden", "B", "a", "b", "sub", "\u{FFFD}"])
        #expect(FolderListing.names(in: folder.path + "/sub") == [])
        #expect(FolderListing.names(in: folder.path + "/none") == nil)
        #expect(FolderListing.names(in: folder.path + "/a") == nil)
    }

    @Test("reading in order ends at the limit or at the end, and a prefix is as long as the file at most")
    func transfers() throws {
        try write([1, 2, 3, 4, 5])
        let file = try OpenFile(path: path, flags: 0)
        #expect(Transfer.prefix(of: file.descriptor, count: 9) == [1, 2, 3, 4, 5])
        #expect(Transfer.prefix(of: file.descriptor, count: 2) == [1, 2])
        #expect(Transfer.rest(of: file.descriptor, limit: 3) == [1, 2, 3])
        #expect(Transfer.rest(of: file.descriptor, limit: 3) == [4, 5])
        #expect(Transfer.rest(of: file.descriptor, limit: .max) == [])
        let isWritten = [UInt8](repeating: 0, count: 1).withUnsafeBytes { Transfer.write($0, to: file.descriptor) }
        #expect(!isWritten && Transfer.rest(of: -1, limit: 1) == nil)
    }

    @Test("a reader gives the file's bytes and refuses what lies outside")
    func reads() throws {
        let content = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try write(content)
        let reader = try FileReader(path: path)
        #expect(reader.byteCount == 10_000)
        #expect(try reader.bytes(at: 0, count: 10_000) == content)
        #expect(try reader.bytes(at: 9_999, count: 1) == [content[9_999]])
        #expect(try reader.bytes(at: 10_000, count: 0) == [])
        for (offset, count) in [(Int64(9_999), 2), (-1, 1), (10_001, 0), (.max, 1), (.max, 0)] {
            #expect(throws: BlockError.outOfBounds(offset: offset, count: count, size: 10_000)) {
                try reader.bytes(at: offset, count: count)
            }
        }
    }

    @Test("a missing file is named with its errno")
    func missing() {
        #expect(throws: BlockError.system(errno: ENOENT, operation: "open", path: path)) {
            try FileReader(path: path)
        }
    }

    @Test("a file cut short behind our back is an error, not zeros")
    func truncation() throws {
        try write([UInt8](repeating: 1, count: 8192))
        let reader = try FileReader(path: path)
        #expect(truncate(path, 5000) == 0)
        let error = BlockError.truncated(path: path, expected: 8192, found: 5000)
        #expect(throws: error) { try reader.bytes(at: 4096, count: 4096) }
        #expect(throws: error) { try reader.bytes(at: 8000, count: 10) }
        #expect(throws: error) { try reader.nextData(from: 6000) }
        #expect(try reader.bytes(at: 0, count: 5000) == [UInt8](repeating: 1, count: 5000))
    }

    @Test("holes of a sparse file are told")
    func holes() throws {
        let device = try FileDevice(creating: path, byteCount: 1 << 20)
        try device.write([UInt8](repeating: 9, count: 4096), at: 64 << 10)
        try device.write([UInt8](repeating: 9, count: 4096), at: 512 << 10)
        try device.synchronize()
        let reader = try FileReader(path: path)
        #expect(try reader.nextData(from: 0) == (64 << 10)..<((64 << 10) + 4096))
        #expect(try reader.nextData(from: (64 << 10) + 100) == ((64 << 10) + 100)..<((64 << 10) + 4096))
        #expect(try reader.nextData(from: 100 << 10) == (512 << 10)..<((512 << 10) + 4096))
        #expect(try reader.nextData(from: 600 << 10) == nil)
        #expect(try reader.nextData(from: 1 << 20) == nil)
        #expect(try reader.nextData(from: .max) == nil)
    }

    @Test("a device writes in place, never grows, and never takes over an existing file")
    func device() throws {
        let device = try FileDevice(creating: path, byteCount: 10_000)
        try device.write([1, 2, 3], at: 9_997)
        #expect(throws: BlockError.outOfBounds(offset: 9_998, count: 3, size: 10_000)) {
            try device.write([1, 2, 3], at: 9_998)
        }
        #expect(try device.bytes(at: 9_996, count: 4) == [0, 1, 2, 3])
        #expect(try FileReader(path: path).byteCount == 10_000)
        #expect(throws: BlockError.system(errno: EEXIST, operation: "open", path: path)) {
            try FileDevice(creating: path, byteCount: 1)
        }
        #expect(try FileDevice(path: path).bytes(at: 9_999, count: 1) == [3])
    }

    @Test("descriptors are closed with their owner and not inherited")
    func descriptors() throws {
        try write([0])
        func open() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
            }.count
        }
        do {
            let reader = try FileReader(path: path)
            #expect(try open() == 1)
            let child = try Shell.run("sh", ["-c", "ls -l /proc/self/fd"])
            #expect(!child.output.contains(path))
            _ = reader.byteCount
        }
        #expect(try open() == 0)
    }

    @Test("a slice moves offsets and keeps to its range")
    func slices() throws {
        let device = try FileDevice(creating: path, byteCount: 10_000)
        let slice = try Slice(of: device, range: 1_000..<3_000)
        try slice.write([7, 8], at: 1_998)
        #expect(try device.bytes(at: 2_998, count: 3) == [7, 8, 0])
        #expect(try slice.bytes(at: 1_998, count: 2) == [7, 8])
        #expect(throws: BlockError.outOfBounds(offset: 1_999, count: 2, size: 2_000)) {
            try slice.write([1, 1], at: 1_999)
        }
        #expect(throws: BlockError.outOfBounds(offset: -1, count: 1, size: 2_000)) { try slice.bytes(at: -1, count: 1) }
        #expect(throws: BlockError.outOfBounds(offset: .max, count: 1, size: 2_000)) {
            try slice.bytes(at: .max, count: 1)
        }
        #expect(throws: BlockError.outOfBounds(offset: 9_000, count: 1_001, size: 10_000)) {
            try Slice(of: device, range: 9_000..<10_001)
        }
        #expect(throws: BlockError.outOfBounds(offset: .min, count: .max, size: 10_000)) {
            try Slice(of: device, range: Int64.min..<Int64.max)
        }
    }

    @Test("a slice of a reader shifts data ranges too")
    func readerSlice() throws {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        bytes[20_000] = 5
        let slice = try ReaderSlice(of: MemoryReader(bytes), range: 18_000..<20_400)
        #expect(try slice.bytes(at: 2_000, count: 1) == [5])
        #expect(try slice.nextData(from: 0) == 0..<2_400)
        #expect(try slice.nextData(from: 2_400) == nil)
        #expect(try ReaderSlice(of: MemoryReader(bytes), range: 0..<8_192).nextData(from: 0) == nil)
        #expect(try ReaderSlice(of: MemoryReader(bytes), range: 8_192..<65_536).nextData(from: -5) == 8_192..<12_288)
    }
}
