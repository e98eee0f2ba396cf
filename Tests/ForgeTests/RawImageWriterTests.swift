import Bases
import Blocks
import Foundation
import Images
import Reports
import Synchronization
import TestSupport
import Testing

/// Several images in one pass, judged by the bytes they must have and by sha256sum.
@Suite(.needs("xz", "sha256sum"))
struct RawImageWriterTests {
    private let folder: TemporaryFolder
    private let image: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 3)
        // A hole of 1 MiB in the middle and an odd end.
        var image = random.bytes(1_500_000) + [UInt8](repeating: 0, count: 1 << 20) + random.bytes(700_512)
        image.replaceSubrange(510..<512, with: [0x55, 0xAA])
        self.image = image
        try Shell.write(image, to: folder.path + "/base.img")
    }

    private func base(_ options: [String]) throws -> BaseImage {
        let path = folder.path + "/base.img"
        let cache = Cache(path: folder.path + "/cache")
        if options.isEmpty { return try BaseImage.open(path: path, cache: cache) }
        let packed = try Shell.run("xz", ["-kf"] + options + [path])
        #expect(packed.status == 0)
        return try BaseImage.open(path: path + ".xz", cache: cache)
    }

    /// The order for an image with `changes`, and the bytes it must have.
    private func request(
        _ name: String, _ changes: [Int: [UInt8]], over base: BaseImage
    ) throws -> (request: ImageRequest, bytes: [UInt8]) {
        let overlay = Overlay(over: base.reader)
        var bytes = image
        for (offset, change) in changes {
            try overlay.write(change, at: Int64(offset))
            bytes.replaceSubrange(offset..<(offset + change.count), with: change)
        }
        let request = ImageRequest(
            name: name, path: "\(folder.path)/\(name).img", mode: 0o644, isReplacing: false, patch: try overlay.patch)
        return (request, bytes)
    }

    private func write(_ requests: [ImageRequest], from base: BaseImage) -> [Int: Result<WrittenImage, ForgeError>] {
        let results = Mutex<[Int: [Result<WrittenImage, ForgeError>]]>([:])
        RawImageWriter().write(requests, from: base, observe: { _ in }) { place, result in
            results.withLock { $0[place, default: []].append(result) }
        }
        let all = results.withLock { $0 }
        #expect(all.values.allSatisfy { $0.count == 1 } && all.count == requests.count)
        return all.compactMapValues(\.first)
    }

    private func message(_ result: Result<WrittenImage, ForgeError>?) -> String? {
        guard case .failure(let error) = result else { return nil }
        return error.message
    }

    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    @Test(
        "each image has its bytes, its digest and its holes, and each block is decoded once",
        arguments: [[], ["-T2", "--block-size=300000"], ["-T2", "--block-size=65536", "-0"], ["-T1"]])
    func images(options: [String]) throws {
        let base = try base(options)
        let changes: [[Int: [UInt8]]] = [
            [:], [0: [1, 2, 3], 299_990: [UInt8](repeating: 7, count: 20)],
            [2_000_000: [9], 65_536: [UInt8](repeating: 0, count: 8192)], [image.count - 1: [5]], [1_499_000: [8]],
        ]
        let made = try changes.enumerated().map { try request("i\($0.offset)", $0.element, over: base) }
        let results = write(made.map(\.request), from: base)
        for (place, (request, expected)) in made.enumerated() {
            let written = try #require(try results[place]?.get())
            #expect(try bytes(request.path) == expected, "\(request.name)")
            #expect(written.byteCount == Int64(image.count))
            let printed = try Shell.run("sha256sum", [request.path]).output.prefix(64)
            #expect(written.digest.description == printed)
            let status = try OpenFile(path: request.path, flags: O_RDONLY).status()
            #expect(status.isRegular && status.mode & 0o777 == 0o644)
            var found = stat()
            #expect(stat(request.path, &found) == 0 && Int64(found.st_blocks) * 512 < Int64(image.count) - 900_000)
            let data = written.dataRanges.reduce(0) { $0 + $1.count }
            #expect(data < image.count - 1_000_000 && written.dataRanges.last?.upperBound == Int64(image.count))
        }
        if let counters = base.xz?.counters {
            #expect(counters.decoded == counters.touched && counters.decoded > 1)
        }
        #expect((base.xz != nil) == options.contains("-T2"))
    }

    @Test("one that cannot be written keeps no other from being finished")
    func oneFails() throws {
        let base = try base(["-T2", "--block-size=300000"])
        var made = try (0..<3).map { try request("i\($0)", [$0 * 5000: [UInt8($0) + 1]], over: base) }
        made[1].request.path = folder.path + "/missing/i1.img"
        let results = write(made.map(\.request), from: base)
        #expect(message(results[1]) == ForgeError.writing(made[1].request.path, errno: ENOENT).message)
        for place in [0, 2] {
            _ = try #require(try results[place]?.get())
            #expect(try bytes(made[place].request.path) == made[place].bytes)
        }
    }

    @Test("a base that is damaged in the middle gives no image at all")
    func damagedBase() throws {
        _ = try base(["-T2", "--block-size=300000"])
        let path = folder.path + "/base.img.xz"
        var packed = try bytes(path)
        packed[packed.count / 2] ^= 1
        try Shell.write(packed, to: path)
        let base = try BaseImage.open(path: path, cache: Cache(path: folder.path + "/cache"))
        let made = try (0..<3).map { try request("i\($0)", [$0 * 5000: [UInt8($0) + 1]], over: base) }
        let results = write(made.map(\.request), from: base)
        let block = try #require(base.xz?.index.blocks.first { $0.compressedRange.contains(Int64(packed.count / 2)) })
        let error = BlockError.damaged(path: path, offset: block.compressedOffset, reason: "a check failed")
        for place in made.indices {
            #expect(message(results[place]) == "could not read the image: \(error)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.filter { $0.hasPrefix("i") } == [])
    }
}
