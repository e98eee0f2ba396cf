import Blocks
import Foundation
import Images
import Netboot
import TestSupport
import Testing
import Trees
import Volumes

/// Files with large holes in the tars of trees, as GNU tar reads them.
@Suite(.needs("mke2fs", "debugfs", "tar", "cmp"))
struct SparseTarTests {
    /// The tar of a file system with the given changes by debugfs.
    private func tar(_ commands: String, in folder: TemporaryFolder) throws -> String {
        try shell("truncate -s 300M sparse && printf begin | dd of=sparse conv=notrunc status=none", in: folder)
        try shell("printf middle | dd of=sparse bs=1 seek=104857601 conv=notrunc status=none", in: folder)
        try shell("mkdir -p tree && cp --sparse=always sparse tree/sparse && printf plain >tree/plain", in: folder)
        try shell("mke2fs -q -t ext4 -b 4096 -O ^64bit -d tree ext 64M", in: folder)
        try Shell.write(Array(commands.utf8), to: folder.path + "/commands")
        try shell("debugfs -w -f commands ext >/dev/null 2>&1", in: folder)
        let volume = try Ext4Volume(device: ImageFile(folder.path + "/ext"), now: 1)
        let path = folder.path + "/tree.tar"
        let output = TarOutput(
            try TarWriter(path: path, mode: 0o600, replacing: false, compressor: ChunkCompressor(nil)), chunking: .raw)
        try TreePass(source: volume, latestTime: .max).run([(output, TreeEdits())])
        _ = try output.finish()
        return path
    }

    private func shell(_ script: String, in folder: TemporaryFolder) throws {
        let run = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"])
        try #require(run.status == 0, "\(run.error)")
    }

    @Test("a hole of hundreds of MiB is left out, and the file comes out as it was")
    func hole() throws {
        let folder = try TemporaryFolder()
        let path = try tar("", in: folder)
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size < 100_000)
        try shell(
            "mkdir out && tar -xSf tree.tar -C out && cmp sparse out/sparse && cmp tree/plain out/plain", in: folder)
        let blocks = try Shell.run("stat", ["-c", "%b", folder.path + "/out/sparse"]).output
        #expect((Int(blocks.filter(\.isNumber)) ?? .max) < 1000)
    }

    @Test("a hole of 16 TiB costs nothing")
    func hugeHole() throws {
        let folder = try TemporaryFolder()
        let path = try tar("set_inode_field /sparse size 17592186040320\n", in: folder)
        let listed = try Shell.run("tar", ["-tvf", path])
        #expect(listed.status == 0 && listed.output.contains(" 17592186040320 "), "\(listed.output)")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size < 100_000)
    }
}
