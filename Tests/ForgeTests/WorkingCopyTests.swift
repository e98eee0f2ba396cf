import Bases
import Blocks
import Foundation
import Images
import Reports
import Synchronization
import TestSupport
import Testing

/// Outputs that are edited in place, judged by the bytes they must have and by sha256sum.
@Suite(.needs("xz", "sha256sum"))
struct WorkingCopyTests {
    private let folder: TemporaryFolder
    private let image: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 11)
        // A hole of 2 MiB in the middle and an odd end.
        var image = random.bytes(1_000_000) + [UInt8](repeating: 0, count: 2 << 20) + random.bytes(300_512)
        image.replaceSubrange(510..<512, with: [0x55, 0xAA])
        self.image = image
        try Shell.write(image, to: folder.path + "/base.img")
    }

    private func base(isPacked: Bool) throws -> BaseImage {
        let path = folder.path + "/base.img"
        if isPacked {
            #expect(try Shell.run("xz", ["-kf", "-T2", "--block-size=300000", path]).status == 0)
        }
        return try BaseImage.open(path: path + (isPacked ? ".xz" : ""), cache: Cache(path: folder.path + "/cache"))
    }

    private func request(
        _ name: String, over base: BaseImage, in place: String? = nil, patching changes: [Int: [UInt8]] = [:]
    ) throws -> ImageRequest {
        let overlay = Overlay(over: base.reader)
        for (offset, bytes) in changes { try overlay.write(bytes, at: Int64(offset)) }
        return ImageRequest(
            name: name, path: "\(place ?? folder.path)/\(name).img", mode: 0o640, isReplacing: false,
            patch: try overlay.patch)
    }

    private func make(_ requests: [ImageRequest], from base: BaseImage) throws -> [WorkingCopy] {
        let results = Mutex<[Int: Result<WorkingCopy, ForgeError>]>([:])
        WorkingCopy.make(requests, from: base, observe: { _ in }) { place, result in
            results.withLock { $0[place] = result }
        }
        let all = results.withLock { $0 }
        return try requests.indices.map { try #require(all[$0]).get() }
    }

    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    private func expect(_ written: WrittenImage, at path: String, is expected: [UInt8]) throws {
        #expect(try bytes(path) == expected)
        #expect(written.byteCount == Int64(expected.count))
        #expect(written.digest.description == (try Shell.run("sha256sum", [path])).output.prefix(64))
        var found = stat()
        #expect(stat(path, &found) == 0 && found.st_mode & 0o777 == 0o640)
        #expect(Int64(found.st_blocks) * 512 < Int64(expected.count) - 1_900_000, "the hole was filled")
    }

    @Test(
        "copies hold the patched base, take edits in place, grow, and get their name at the end",
        arguments: [false, true])
    func edits(isPacked: Bool) throws {
        let base = try base(isPacked: isPacked)
        let copies = try make(
            [try request("a", over: base, patching: [700: [1, 2, 3]]), try request("b", over: base)], from: base)
        try copies[0].device().write([9, 8, 7], at: 999_999)
        try copies[1].grow(to: Int64(image.count) + 8192)
        try copies[1].device().write([5], at: Int64(image.count) + 8191)
        #expect(try copies[1].reader().bytes(at: Int64(image.count) + 8190, count: 2) == [0, 5])
        #expect(!FileManager.default.fileExists(atPath: copies[0].path))

        var first = image
        first.replaceSubrange(700..<703, with: [1, 2, 3])
        first.replaceSubrange(999_999..<1_000_002, with: [9, 8, 7])
        let second = image + [UInt8](repeating: 0, count: 8191) + [5]
        try expect(try copies[0].commit(observe: { _ in }), at: copies[0].path, is: first)
        try expect(try copies[1].commit(observe: { _ in }), at: copies[1].path, is: second)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains("partial") } == [])
    }

    @Test("what is not finished leaves nothing, and what is finished is edited no more")
    func discarding() throws {
        let base = try base(isPacked: false)
        let requests = [try request("a", over: base), try request("b", over: base), try request("c", over: base)]
        var copies = try make(requests, from: base)
        copies[0].discard()
        do {
            _ = try copies[0].device()
            Issue.record("it is still there")
        } catch {
            #expect(error.kind == .bug)
        }
        _ = try copies[1].commit(observe: { _ in })
        do {
            try copies[1].grow(to: 1 << 30)
            Issue.record("it grew")
        } catch {
            #expect(error.kind == .bug)
        }
        copies = []
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".img") }
        #expect(left.sorted() == ["b.img", "base.img"])
    }

    @Test("a held copy is locked against another run, a device on it holds no lock")
    func locking() throws {
        let base = try base(isPacked: false)
        let request = try request("a", over: base)
        var copies = try make([request], from: base)
        let device = try copies[0].device()
        let results = Mutex<[String]>([])
        func tryAgain() {
            WorkingCopy.make([request], from: base, observe: { _ in }) { _, result in
                if case .failure(let error) = result { results.withLock { $0.append(error.message) } }
            }
        }
        tryAgain()
        copies = []
        tryAgain()
        #expect(results.withLock { $0 } == ["could not create \(request.path): another piforge is writing it"])
        #expect(try device.bytes(at: 510, count: 2) == [0x55, 0xAA])
    }

    @Test("on a file system with reflinks a copy shares the base's blocks", .needs("mkfs.btrfs", "filefrag"))
    func reflinks() throws {
        let disk = try MountedDisk.make("btrfs", mebibytes: 120)
        try FileManager.default.copyItem(atPath: folder.path + "/base.img", toPath: disk.path + "/base.img")
        let base = try BaseImage.open(path: disk.path + "/base.img", cache: Cache(path: folder.path + "/cache"))
        let copies = try make([try request("a", over: base, in: disk.path, patching: [5000: [1]])], from: base)
        var expected = image
        expected[5000] = 1
        let written = try copies[0].commit(observe: { _ in })
        #expect(try bytes(copies[0].path) == expected)
        #expect(written.digest == SHA256.digest(of: expected.span.bytes))
        #expect(try Shell.run("filefrag", ["-v", copies[0].path]).output.contains("shared"))
    }
}
