import Bases
import Blocks
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite(.needs("xz"))
struct CacheTests {
    @Test("the folder is where XDG wants it")
    func standard() {
        #expect(Cache.standard(environment: ["XDG_CACHE_HOME": "/x", "HOME": "/h"])?.path == "/x/piforge")
        #expect(Cache.standard(environment: ["XDG_CACHE_HOME": "x", "HOME": "/h"])?.path == "/h/.cache/piforge")
        #expect(Cache.standard(environment: ["XDG_CACHE_HOME": "", "HOME": "/h"])?.path == "/h/.cache/piforge")
        #expect(Cache.standard(environment: ["HOME": "h"]) == nil)
        #expect(Cache.standard(environment: [:]) == nil)
    }

    /// A fixture whose `base.img.xz` was opened once, and the path of its cached image.
    private static func opened() throws -> (BaseImageFixture, image: String) {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k base.img")
        usleep(80_000)
        let base = try fixture.open("base.img.xz")
        return (fixture, "\(fixture.cache.path)/images/\(base.sourceDigest).img")
    }

    @Test("a cached image that was cut, changed or lost its note is unpacked again")
    func damaged() throws {
        let (fixture, image) = try Self.opened()
        let info = image.replacing(".img", with: ".info")
        let damages = [
            "truncate -s 1M \(image)", "truncate -s +512 \(image)", "rm \(image)", "rm \(info)", ": > \(info)",
            "printf X | dd of=\(image) conv=notrunc bs=1 seek=100", "chmod 000 \(info); rm -f \(info)",
        ]
        for damage in damages {
            try fixture.shell(damage)
            let events = BaseImageFixture.Events()
            #expect(try fixture.holdsImage(try fixture.open("base.img.xz", events: events)), "\(damage)")
            #expect(events.unpacked, "\(damage)")
            #expect(!events.hashed, "\(damage)")
        }
    }

    @Test("notes with a changed byte are no notes, and what is no file is made way for")
    func notes() throws {
        let (fixture, image) = try Self.opened()
        let info = image.replacing(".img", with: ".info")
        let digests = fixture.cache.path + "/digests"
        let digest = try #require(try FileManager.default.contentsOfDirectory(atPath: digests).first)
        let notFiles = ["mkdir", "mkfifo", "ln -s /etc/passwd"]
        func expect(_ damage: String, hashed: Bool, unpacked: Bool, told: String?) throws {
            try fixture.shell(damage)
            let events = BaseImageFixture.Events()
            #expect(try fixture.holdsImage(try fixture.open("base.img.xz", events: events)), "\(damage)")
            #expect(events.hashed == hashed && events.unpacked == unpacked, "\(damage)")
            let paths = events.all.compactMap { if case .damaged(let path) = $0 { path } else { nil } }
            #expect(paths == [told].compactMap(\.self), "\(damage)")
            var found = stat()
            for path in [image, info, "\(digests)/\(digest)"] {
                #expect(lstat(path, &found) == 0 && found.st_mode & S_IFMT == S_IFREG, "\(damage): \(path)")
            }
        }
        for offset in stride(from: 0, to: 90, by: 11) {
            let flip = "conv=notrunc bs=1 seek=\(offset) status=none"
            try expect("printf Z | dd of=\(info) \(flip)", hashed: false, unpacked: true, told: info)
            try expect("printf Z | dd of='\(digests)/\(digest)' \(flip)", hashed: true, unpacked: false, told: nil)
        }
        for make in notFiles {
            try expect("rm \(info); \(make) \(info)", hashed: false, unpacked: true, told: info)
            try expect("rm \(image); \(make) \(image)", hashed: false, unpacked: true, told: image)
            let path = "'\(digests)/\(digest)'"
            try expect("rm \(path); \(make) \(path)", hashed: true, unpacked: false, told: nil)
        }
        try fixture.shell("rm \(image); mkdir -p \(image)/full")
        #expect(throws: BaseImageError.block(.system(errno: ENOTEMPTY, operation: "replace", path: image))) {
            try fixture.open("base.img.xz")
        }
    }

    @Test("a digest is remembered for the unchanged file only")
    func digests() throws {
        let (fixture, _) = try Self.opened()
        try fixture.shell("touch base.img.xz; sleep 0.1")
        let touched = BaseImageFixture.Events()
        _ = try fixture.open("base.img.xz", events: touched)
        #expect(touched.hashed && !touched.unpacked)

        // The same size and the same modification time, other content.
        try fixture.shell("cp base.img.xz old; touch -r base.img.xz stamp")
        var bytes = try fixture.bytes("base.img.xz")
        bytes[bytes.count / 2] ^= 1
        try fixture.write(bytes, as: "base.img.xz")
        try fixture.shell("touch -r stamp base.img.xz")
        #expect(throws: BaseImageError.corrupt(.xz, reason: "a check failed")) { try fixture.open("base.img.xz") }

        let notes = fixture.cache.path + "/digests"
        try fixture.shell("for f in \(notes)/*; do echo nonsense > $f; done; mv old base.img.xz; sleep 0.1")
        #expect(try fixture.holdsImage(try fixture.open("base.img.xz")))
    }

    @Test("a file touched a moment ago is not remembered, since another change could bear the same time")
    func freshFile() throws {
        let fixture = try BaseImageFixture()
        // On a busy machine a moment may pass before the file is read.
        var wasFresh = false
        for _ in 0..<200 where !wasFresh {
            let start = ContinuousClock.now
            try fixture.write(fixture.image, as: "fresh.img")
            _ = try fixture.open("fresh.img")
            wasFresh = ContinuousClock.now - start < .milliseconds(45)
        }
        try #require(wasFresh)
        let events = BaseImageFixture.Events()
        _ = try fixture.open("fresh.img", events: events)
        #expect(events.hashed)
    }

    @Test("what a killed build left is removed, but not what a living one holds")
    func stale() throws {
        let (fixture, image) = try Self.opened()
        let other = "\(fixture.cache.path)/images/" + String(repeating: "0", count: 64) + ".img"
        let held = "\(fixture.cache.path)/images/" + String(repeating: "1", count: 64)
        try fixture.shell("rm \(image); echo x > \(image).partial.1; echo x > \(other).partial.2")
        try fixture.shell("echo x > \(held).img.partial.3; touch \(held).lock")
        let descriptor = open("\(held).lock", O_RDWR | O_CLOEXEC)
        #expect(flock(descriptor, LOCK_EX) == 0)
        #expect(try fixture.holdsImage(try fixture.open("base.img.xz")))
        let partials = fixture.cached.filter { $0.contains("partial") }
        #expect(partials == [String(repeating: "1", count: 64) + ".img.partial.3"])
        close(descriptor)
    }

    @Test("two builds at once share one unpacking")
    func concurrent() async throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k base.img")
        let path = fixture.path("base.img.xz")
        let cache = fixture.cache
        let events = BaseImageFixture.Events()
        let sizes = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try BaseImage.open(path: path, cache: cache) { events.add($0) }.byteCount
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == [Int64](repeating: (3 << 20) + 512, count: 4))
        // The decoder tells its last piece, and the job its end: twice by one build.
        let total = try Int64(fixture.bytes("base.img.xz").count)
        let last = BaseImageProgress.unpacking(consumed: total, total: total, written: (3 << 20) + 512)
        let ends = events.all.count { $0 == last }
        #expect((1...2).contains(ends))
    }

    @Test("a build that waits for another can be cancelled")
    func cancelledWait() throws {
        let (fixture, image) = try Self.opened()
        let lock = open(image.replacing(".img", with: ".lock"), O_RDWR | O_CLOEXEC)
        #expect(flock(lock, LOCK_EX) == 0)
        try fixture.shell("rm \(image)")
        let waited = Atomic<Bool>(false)
        #expect(throws: BaseImageError.cancelled) {
            try BaseImage.open(path: fixture.path("base.img.xz"), cache: fixture.cache) { event in
                if event == .waiting { waited.store(true, ordering: .relaxed) }
            } isCancelled: {
                waited.load(ordering: .relaxed)
            }
        }
        let didWait = waited.load(ordering: .relaxed)
        #expect(didWait)
        close(lock)
    }

    @Test("a cancelled unpacking leaves nothing", arguments: ["xz", "gzip", "zstd -q", "bzip2", "zip -q p.zip"])
    func cancelled(packer: String) throws {
        let fixture = try BaseImageFixture()
        try fixture.shell(
            packer.hasPrefix("zip") ? "\(packer) base.img; mv p.zip packed" : "\(packer) -c base.img > packed")
        let unpacking = Atomic<Bool>(false)
        #expect(throws: BaseImageError.cancelled) {
            try BaseImage.open(path: fixture.path("packed"), cache: fixture.cache) { event in
                if case .unpacking = event { unpacking.store(true, ordering: .relaxed) }
            } isCancelled: {
                unpacking.load(ordering: .relaxed)
            }
        }
        #expect(fixture.leftovers == [])
        #expect(try fixture.holdsImage(try fixture.open("packed")))
    }

    @Test("a raw image needs no cache; a packed one says why it has none")
    func unwritable() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k base.img; touch occupied")
        let cache = Cache(path: fixture.path("occupied"))
        #expect(try fixture.holdsImage(try BaseImage.open(path: fixture.path("base.img"), cache: cache)))
        let error = BlockError.system(errno: ENOTDIR, operation: "create", path: fixture.path("occupied/images"))
        #expect(throws: BaseImageError.block(error)) {
            try BaseImage.open(path: fixture.path("base.img.xz"), cache: cache)
        }
    }
}
