import Foundation
import TestSupport
import Testing

@testable import Readers

/// What processor a program needs, as readelf tells it.
@Suite(.needs("clang", "ld.lld", "readelf")) struct ProcessorNeedTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func library(_ march: String, _ text: String = "int f(int a) { return a * 3; }", strip: Bool) throws
        -> String
    {
        let path = folder.path + "/\(march).so"
        try Shell.write(Array(text.utf8), to: folder.path + "/f.c")
        let made = try Shell.run(
            "clang",
            [
                "--target=arm-linux-gnueabihf", "-march=\(march)", "-mfloat-abi=soft", "-nostdlib", "-shared",
                "-fuse-ld=lld", "-o", path, folder.path + "/f.c",
            ] + (strip ? ["-s"] : []))
        try #require(made.status == 0, "\(made.error)")
        return path
    }

    private func need(_ path: String, piece: Int = 7) throws -> ProcessorNeed? {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var scanner = ProcessorScanner()
        bytes.withUnsafeBytes { all in
            for start in stride(from: 0, to: all.count, by: piece) {
                scanner.take(UnsafeRawBufferPointer(rebasing: all[start..<min(start + piece, all.count)]))
            }
        }
        return scanner.finish()
    }

    @Test(
        arguments: [
            ("armv5te", "v5TE", ProcessorNeed.armV5), ("armv6k", "v6", .armV6),
            ("armv6t2", "v6T2", .armV7), ("armv7-a", "v7", .armV7), ("armv8-a", "v8", .armV8),
        ], [true, false])
    func attribute(_ processor: (march: String, word: String, need: ProcessorNeed), strip: Bool) throws {
        let path = try library(processor.march, strip: strip)
        let told = try Shell.run("readelf", ["-A", path]).output
        // Some linkers write v6 for v6K.
        try #require(told.contains("Tag_CPU_arch: \(processor.word)"), "\(told)")
        #expect(try need(path) == processor.need)
        #expect(try need(path, piece: 1 << 20) == processor.need)
    }

    @Test("what Go's compiler writes counts, wherever a piece ends", arguments: [1, 5, 64, 1 << 20])
    func go(piece: Int) throws {
        let text = "const char go[] = \"path\\tx\\nbuild\\tGOARCH=arm\\nbuild\\tGOARM=7\\n\";"
        #expect(try need(library("armv5te", text, strip: true), piece: piece) == .armV7)
    }

    @Test("what is no program of 32-bit ARM, and any damage, needs nothing and ends") func others() throws {
        #expect(try need("/bin/true") == nil)
        let path = try library("armv7-a", strip: true)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            damaged = Array(damaged.prefix(Int.random(in: 0...damaged.count, using: &generator)))
            var scanner = ProcessorScanner()
            damaged.withUnsafeBytes { scanner.take($0) }
            _ = scanner.finish()
        }
    }
}
