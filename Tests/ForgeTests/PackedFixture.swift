import Bases
import Blocks
import Foundation
import Images
import Reports
import Synchronization
import Tables
import TestSupport
import Testing

/// A small image in several packings, and three slots that change it.
struct PackedFixture {
    let folder: TemporaryFolder
    let cache: Cache
    let image: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        cache = Cache(path: folder.path + "/cache")
        image = Self.image
    }

    /// 7 MiB and three granules: text, noise, and zeros from 4 to 6 MiB; a boot signature.
    private static let image: [UInt8] = {
        var generator = SeededGenerator(seed: 7)
        let noise = (0..<64).map { _ in generator.bytes(1024) }
        let text = Array(String(repeating: "what a card holds, mostly text. ", count: 128).utf8)
        var bytes: [UInt8] = []
        for granule in 0..<(7 * 256 + 3) {
            switch granule {
            case 1024..<1536: bytes += [UInt8](repeating: 0, count: 4096)
            case _ where granule % 4 == 0: bytes += (0..<4).flatMap { noise[(granule + $0 * 7) % 64] }
            default: bytes += text.dropFirst(granule % 512) + text.prefix(granule % 512)
            }
        }
        bytes[510] = 0x55
        bytes[511] = 0xAA
        return bytes
    }()

    func open(_ path: String) throws -> BaseImage { try BaseImage.open(path: path, cache: cache) }

    func rawBase() throws -> String {
        let path = folder.path + "/base.img"
        try Shell.write(image, to: path)
        return path
    }

    func xzBase(_ options: [String]) throws -> String {
        let path = try rawBase()
        let run = try Shell.run("xz", ["-kf", "-1"] + options + [path])
        try #require(run.status == 0, "\(run.error)")
        return path + ".xz"
    }

    /// Two streams with different checks, padding between them.
    func multiStreamBase() throws -> String {
        let parts = [(Array(image[..<(3 << 20)]), "crc32"), (Array(image[(3 << 20)...]), "sha256")]
        var bytes: [UInt8] = []
        for (part, check) in parts {
            let path = folder.path + "/part-" + check
            try Shell.write(part, to: path)
            let run = try Shell.run("xz", ["-1", "--block-size=1MiB", "-C", check, path])
            try #require(run.status == 0, "\(run.error)")
            bytes += try self.bytes(path + ".xz") + [0, 0, 0, 0]
        }
        let path = folder.path + "/streams.img.xz"
        try Shell.write(bytes, to: path)
        return path
    }

    /// Slots a and b change the same granules alike and one differently; slot c also changes the last, short block.
    func requests(_ base: BaseImage, suffix: String, isReplacing: Bool = false) throws -> [ImageRequest] {
        try ["a", "b", "c"].map { name in
            let overlay = Overlay(over: base.reader)
            try overlay.write(Array("same".utf8), at: 5000)
            try overlay.write(Array("slot \(name)".utf8), at: 1_500_000)
            if name == "c" { try overlay.write(Array("end".utf8), at: base.byteCount - 3) }
            return ImageRequest(
                name: name, path: "\(folder.path)/\(name).\(suffix)", mode: 0o644, isReplacing: isReplacing,
                patch: try overlay.patch)
        }
    }

    func expected(_ request: ImageRequest) throws -> [UInt8] {
        var bytes = image
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        try request.patch.apply(to: &raw, at: 0)
        return bytes
    }

    /// Runs a sink to its end; the first failure is thrown.
    func write(
        _ writer: any ImageWriter, _ requests: [ImageRequest], _ base: BaseImage,
        observe: @escaping Reports.Progress.Observer = { _ in }
    ) throws -> [WrittenImage] {
        let results = Mutex<[Int: Result<WrittenImage, ForgeError>]>([:])
        writer.write(requests, from: base, observe: observe) { index, result in
            results.withLock { results in
                if results[index] != nil { Issue.record("order \(index) was told twice") }
                results[index] = result
            }
        }
        let found = results.withLock { $0 }
        return try requests.indices.map { try #require(found[$0]).get() }
    }

    func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    func slice(_ path: String, _ range: Range<Int64>) throws -> [UInt8] {
        let all = try bytes(path)
        return Array(all[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}
