import Bases
import Blocks
import Foundation
import Synchronization
import TestSupport

/// A small image, a cache of its own, and the tools that pack the one for the other.
struct BaseImageFixture {
    let folder: TemporaryFolder
    /// A boot sector, a hole, data, and a size that is no multiple of 4096.
    let image: [UInt8]
    let cache: Cache

    init(mebibytes: Int = 3) throws {
        folder = try TemporaryFolder()
        cache = Cache(path: folder.path + "/cache/deep")
        var random = SeededGenerator(seed: 11)
        var image = [UInt8](repeating: 0, count: (mebibytes << 20) + 512)
        image.replaceSubrange(510..<512, with: [0x55, 0xAA])
        image.replaceSubrange(440..<444, with: random.bytes(4))
        for offset in [1 << 20, (mebibytes << 20) - 70_000] {
            image.replaceSubrange(offset..<(offset + 30_000), with: random.bytes(30_000))
        }
        self.image = image
        try write(image, as: "base.img")
    }

    func path(_ name: String) -> String { folder.path + "/" + name }

    @discardableResult
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }

    func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    /// Runs a script in the folder; throws unless it ends well.
    func shell(_ script: String) throws {
        let result = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"])
        guard result.status == 0 else { throw Failed(script: script, error: result.error + result.output) }
    }

    struct Failed: Error {
        var script: String
        var error: String
    }

    func open(
        _ name: String, expecting digest: SHA256Digest? = nil, events: Events? = nil
    ) throws(BaseImageError) -> BaseImage {
        try BaseImage.open(path: path(name), expectedSHA256: digest, cache: cache) { events?.add($0) }
    }

    /// Whether an opened base gives this image's bytes.
    func holdsImage(_ base: BaseImage) throws -> Bool {
        try base.reader.bytes(at: 0, count: Int(base.byteCount)) == image
    }

    /// The names in the cache's folder of images.
    var cached: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: cache.path + "/images")) ?? []).sorted()
    }

    /// What must be there after a failure: a lock at most.
    var leftovers: [String] { cached.filter { !$0.hasSuffix(".lock") } }

    /// The progress that was told.
    final class Events: Sendable {
        private let list = Mutex<[BaseImageProgress]>([])
        func add(_ event: BaseImageProgress) { list.withLock { $0.append(event) } }
        var all: [BaseImageProgress] { list.withLock { $0 } }
        var hashed: Bool { all.contains { if case .hashing = $0 { true } else { false } } }
        var unpacked: Bool { all.contains { if case .unpacking = $0 { true } else { false } } }
    }
}
