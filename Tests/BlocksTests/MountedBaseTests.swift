import Bases
import Blocks
import Foundation
import TestSupport
import Testing

/// A disk that the kernel has mounted changes under whoever reads it.
@Suite(.needsRoot, .needs("mkfs.ext4", "sfdisk", "losetup", "mount", "umount"))
struct MountedBaseTests {
    @Test("a mounted disk is no base, but may be looked at")
    func mounted() throws {
        let folder = try TemporaryFolder()
        let script = """
            set -e
            truncate -s 8M disk
            mkfs.ext4 -q disk
            # The table lies in the first sector, which ext4 leaves free.
            printf 'label: dos\\nstart=2048, size=4096, type=c\\nstart=6144, size=8192, type=83\\n' | sfdisk -q disk
            mkdir mounted
            """
        let made = try Shell.run("bash", ["-c", "cd \"$0\"; \(script)", folder.path])
        try #require(made.status == 0, "\(made.error)")
        let card = try LoopCard.attach(folder.path + "/disk")
        let cache = Cache(path: folder.path + "/cache")
        #expect(try BaseImage.open(path: card.path, cache: cache).reader.byteCount == 8 << 20)
        let mounted = try Shell.run("mount", ["-t", "ext4", card.path, folder.path + "/mounted"])
        try ToolsTrait.require(mounted.status == 0, "ext4 cannot be mounted here: \(mounted.error)")
        defer { _ = try? Shell.unmount(folder.path + "/mounted") }
        #expect(throws: BaseImageError.inUse(path: card.path)) { try BaseImage.open(path: card.path, cache: cache) }
        #expect(throws: BaseImageError.inUse(path: card.path)) {
            try BaseImage.openBytes(path: card.path, cache: cache)
        }
        let shared = try BaseImage.openBytes(path: card.path, cache: cache, isShared: true)
        #expect(shared.isMounted && shared.reader.byteCount == 8 << 20)
        #expect(try shared.reader.bytes(at: 510, count: 2) == [0x55, 0xAA])
    }
}
