import Bases
import Foundation
import Images
import Reports
import Synchronization
import TestSupport
import Testing

/// Bases that somebody changes after they were opened: no output gets its name, and nothing of them is kept.
@Suite(.needs("xz"))
struct ChangedBaseTests {
    enum Sink: String, CaseIterable, Sendable {
        case raw, mapped, xz, zstd

        func sink(_ cache: Cache) -> any ImageWriter {
            switch self {
            case .raw: RawImageWriter()
            case .mapped: MappedImageWriter(baseName: "base", cache: cache, mapping: .auto)
            case .xz: PackedImageWriter(.xz, baseName: "base", cache: cache)
            case .zstd: PackedImageWriter(.zstd, baseName: "base", cache: cache)
            }
        }
    }

    @Test("every sink notices", arguments: Sink.allCases, [false, true])
    func noticed(_ sink: Sink, isPacked: Bool) throws {
        let fixture = try PackedFixture()
        let path = try isPacked ? fixture.xzBase(["--block-size=1MiB"]) : fixture.rawBase()
        let base = try fixture.open(path)
        let orders = try fixture.requests(base, suffix: "out")
        // The last byte of the image is in no block that anything looked at; of the .xz it is the footer's.
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        let end = try file.seekToEnd()
        try file.seek(toOffset: end - 1)
        let last = try #require(try file.readToEnd())
        try file.seek(toOffset: end - 1)
        try file.write(contentsOf: last)
        try file.close()
        let told = Mutex<[Int: ForgeError]>([:])
        sink.sink(fixture.cache).write(orders, from: base, observe: { _ in }) { index, result in
            if case .failure(let error) = result { told.withLock { $0[index] = error } }
        }
        let errors = told.withLock { $0 }
        #expect(errors.count == orders.count)
        for error in errors.values {
            #expect(error.kind == .badInput)
            #expect(error.message == "could not read the image: \(path) was changed while it was read")
        }
        let names = try FileManager.default.subpathsOfDirectory(atPath: fixture.folder.path)
        #expect(names.allSatisfy { !$0.contains(".out") && !$0.contains(".partial") }, "\(names)")
        let kept = names.filter { $0.hasPrefix("cache/") && !$0.hasSuffix(".lock") && !$0.hasPrefix("cache/digests") }
        #expect(
            Set(kept).isSubset(of: ["cache/images", "cache/packed", "cache/maps", "cache/trees", "cache/downloads"]),
            "\(kept)")
    }
}
