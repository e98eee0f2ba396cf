import Foundation
@testable import Netboot
import TestSupport
import Testing

/// Tars that come to no end.
struct TarOutputTests {
    /// Leaves with chunks that are not packed yet.
    private func begin(_ path: String, _ format: TreeFormat) throws {
        let compressor = ChunkCompressor(format.packer)
        let output = TarOutput(
            try TarWriter(path: path, mode: 0o600, replacing: false, compressor: compressor), chunking: .packed)
        var generator = SeededGenerator(seed: 1)
        let noise = (0..<1 << 17).map { _ in generator.next() }.withUnsafeBytes(Array.init)
        for index in 0..<8 { output.write(noise, at: Int64(index * noise.count)) }
        #expect(FileManager.default.fileExists(atPath: path + ".partial"))
    }

    @Test("what is not finished is gone with its output", arguments: [TreeFormat.tar, .tarXZ, .tarZstd])
    func unfinished(_ format: TreeFormat) throws {
        let folder = try TemporaryFolder()
        for index in 0..<4 {
            try begin("\(folder.path)/\(index).tar", format)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }
}
