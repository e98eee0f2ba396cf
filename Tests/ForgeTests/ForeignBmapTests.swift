@testable import Blocks
@testable import Forge
@testable import Images
@testable import Reports
import TestSupport
import Testing

/// Block maps that bmaptool made, and what a download may have done to them.
@Suite(.needs("bmaptool", "truncate"))
struct ForeignBmapTests {
    private let folder: TemporaryFolder
    private let image: String

    /// 3 MiB and 512 bytes with data at 0, from 1 MiB to 1 MiB + 8 KiB, and at the end.
    init() throws {
        folder = try TemporaryFolder()
        image = folder.path + "/card.img"
        try Shell.write([], to: image)
        let size = (3 << 20) + 512
        try #require(try Shell.run("truncate", ["-s", "\(size)", image]).status == 0)
        let file = try ImageFile(image)
        try file.write([1], at: 0)
        try file.write([UInt8](repeating: 7, count: 8192), at: 1 << 20)
        try file.write([UInt8](repeating: 9, count: 512), at: 3 << 20)
        let run = try Shell.run("bmaptool", ["create", "-o", image + ".bmap", image])
        try #require(run.status == 0, "\(run.error)")
    }

    private func bytes() throws -> [UInt8] { try FileReader(path: image + ".bmap").allBytes }

    @Test func readsWhatBmaptoolWrites() throws {
        let map = try #require(try ForeignBmap.beside(image))
        #expect(map.imageByteCount == (3 << 20) + 512)
        let ranges: [Range<Int64>] = [0..<4096, 1_048_576..<1_056_768, 3_145_728..<3_146_240]
        #expect(map.parts.map(\.range) == ranges)
        #expect(map.parts.allSatisfy { $0.digest != nil })
        try map.check(FileReader(path: image), path: image) { _ in }
        #expect(try ForeignBmap.beside(folder.path + "/card.img.xz") == map)
        #expect(try ForeignBmap.beside(folder.path + "/other.img") == nil)
    }

    @Test func noticesAChangedImage() throws {
        let map = try #require(try ForeignBmap.beside(image))
        try ImageFile(image).write([8], at: (1 << 20) + 5000)
        let error = #expect(throws: ForgeError.self) {
            try map.check(FileReader(path: image), path: "card.img") { _ in }
        }
        #expect(error?.kind == .badInput)
        #expect(
            error?.message == "could not use card.img: bytes 1048576-1056767 are not what its block map says")
    }

    @Test func refusesAChangedMap() throws {
        let good = try bytes()
        #expect(ForeignBmap(good) != nil)
        for index in stride(from: 0, to: good.count, by: 37) {
            var bad = good
            bad[index] ^= 1
            #expect(ForeignBmap(bad) == nil, "byte \(index)")
            _ = ForeignBmap(Array(good.prefix(index)))
        }
        try Shell.write(Array("no map".utf8), to: image + ".bmap")
        let error = #expect(throws: ForgeError.self) { try ForeignBmap.beside(image) }
        #expect(error?.kind == .badInput)
    }

    @Test("numbers at the end of what 64 bits hold are refused")
    func largestNumbers() {
        for (size, block, last) in [
            (Int64.max, 512, Int64.max / 512), (1 << 62, 1 << 20, 1 << 42), (1 << 60, 512, 1 << 51),
        ] {
            let text = """
                <bmap version="2.0"><ImageSize>\(size)</ImageSize><BlockSize>\(block)</BlockSize>
                <ChecksumType>sha256</ChecksumType><BmapFileChecksum>\(String(repeating: "0", count: 64))</BmapFileChecksum>
                <Range>0-\(last)</Range></bmap>
                """
            let digest = SHA256.digest(of: Array(text.utf8).span.bytes).description
            let map = ForeignBmap(Array(text.replacing(String(repeating: "0", count: 64), with: digest).utf8))
            #expect(map?.parts.map(\.range) == (size == 1 << 60 ? [0..<1 << 60] : nil))
        }
    }
}

extension FileReader {
    fileprivate var allBytes: [UInt8] {
        get throws { try bytes(at: 0, count: Int(byteCount)) }
    }
}
