@testable import Forge
import Foundation
@testable import Initramfs
@testable import Reports
@testable import Tables
import TestSupport
import Testing

/// Programs and libraries of this machine, judged by readelf.
@Suite(.needs("readelf", "gzip", "xz"))
struct ELFProgramTests {
    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    @Test(arguments: ["bash", "readelf", "xz", "gzip"])
    func readsWhatReadelfReads(_ tool: String) throws {
        guard let path = Shell.find(tool) else { return }
        let elf = try? ELFProgram(try bytes(URL(fileURLWithPath: path).resolvingSymlinksInPath().path))
        guard let elf else { return #expect(try bytes(path).starts(with: Array("#!".utf8))) }
        let lines = try Shell.run("readelf", ["-dlW", path]).output.split(separator: "\n").map(String.init)
        func bracketed(_ key: String) -> [String] {
            lines.filter { $0.contains(key) }.compactMap { line in
                guard let start = line.lastIndex(of: "["), let end = line.lastIndex(of: "]") else { return nil }
                return String(line[line.index(after: start)..<end])
            }
        }
        #expect(elf.needed == bracketed("(NEEDED)"))
        #expect(elf.searchPath == bracketed("PATH)").flatMap { $0.split(separator: ":").map(String.init) })
        let loader = lines.first { $0.contains("program interpreter") }
        #expect(loader?.contains(": \(elf.interpreter ?? "none")]") ?? (elf.interpreter == nil))
    }

    @Test func refusesWhatIsNoProgram() throws {
        #expect(throws: ELFProgram.DecodingError.notELF) { try ELFProgram(Array("#!/bin/sh".utf8)) }
        var program = Array(try bytes("/bin/bash").prefix(4096))
        #expect(throws: ELFProgram.DecodingError.damaged) { try ELFProgram(program) }
        program[5] = 2
        #expect(throws: ELFProgram.DecodingError.bigEndian) { try ELFProgram(program) }
    }

    /// Whatever a byte of its headers becomes, it decodes or is refused.
    @Test func bearsAnyDamage() throws {
        let program = try bytes("/bin/true")
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var broken = program
            for _ in 0..<3 {
                broken[Int.random(in: 4..<1024, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? ELFProgram(broken)
        }
    }

    // MARK: Kernels

    @Test(arguments: ["cat", "gzip -c", "xz -c --check=crc32"])
    func findsTheVersionOfAKernel(_ packer: String) throws {
        let folder = try TemporaryFolder()
        var noise = SeededGenerator(seed: 11)
        // A message that only looks like the banner comes first, and so does the start of something packed.
        let image =
            noise.bytes(100_000) + Array("Linux version %s\0".utf8) + noise.bytes(5000)
            + Array("Linux version 6.6.51+rpt-rpi-v7 (serge@pi) #1\0".utf8) + noise.bytes(70_000)
        try Shell.write(image, to: folder.path + "/image")
        let status = try Shell.run("sh", ["-c", "\(packer) \(folder.path)/image > \(folder.path)/packed"]).status
        #expect(status == 0)
        let loader = noise.bytes(9000) + [0x1F, 0x8B, 0x08, 0, 0x1F] + noise.bytes(300)
        #expect(
            KernelImage.version(of: loader + (try bytes(folder.path + "/packed")) + noise.bytes(999))
                == "6.6.51+rpt-rpi-v7")
    }

    @Test func findsNoVersionInNoise() {
        var noise = SeededGenerator(seed: 12)
        #expect(KernelImage.version(of: noise.bytes(200_000)) == nil)
        #expect(KernelImage.version(of: []) == nil)
        #expect(KernelImage.version(of: Array("Linux version 6".utf8)) == nil)
    }

    // MARK: Modules

    @Test func ordersModulesByNeed() {
        let index = ModuleIndex(
            dependencies: """
                kernel/a/one-first.ko.xz:
                kernel/b/two.ko: kernel/a/one-first.ko.xz
                kernel/c/three.ko: kernel/b/two.ko kernel/a/one-first.ko.xz
                kernel/d/round.ko: kernel/e/about.ko
                kernel/e/about.ko: kernel/d/round.ko

                """, builtIn: "kernel/z/inside.ko\n")
        #expect(index.files(for: ["three", "inside", "nowhere"]).map(\.name) == ["one_first", "two", "three"])
        #expect(index.files(for: ["two"]).map(\.path) == ["kernel/a/one-first.ko.xz", "kernel/b/two.ko"])
        #expect(index.files(for: ["round"]).map(\.name) == ["about", "round"])
        #expect(index.has("inside") && index.has("one_first") && !index.has("nowhere"))
    }

    @Test("a chain of modules of any length is followed, a circle once")
    func longChain() {
        let count = 100_000
        let lines = (0..<count).map { "m\($0).ko: m\(($0 + 1) % count).ko\n" }
        let index = ModuleIndex(dependencies: lines.joined(), builtIn: "")
        let files = index.files(for: ["m0"])
        #expect(files.count == count && files.first?.name == "m\(count - 1)" && files.last?.name == "m0")
    }

    @Test("names that share their bytes over and over are refused")
    func manyNames() throws {
        // A header, a PT_LOAD and a PT_DYNAMIC segment, 4096 letters, and 2000 times the same name.
        let number = { (value: Int, count: Int) in (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let (text, entries) = (64 + 2 * 56, 2000)
        let dynamic = text + 4096
        let end = dynamic + entries * 16 + 32
        var bytes = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9) + number(3, 2) + number(183, 2)
        bytes += number(1, 4) + number(0, 8) + number(64, 8) + number(0, 8) + number(0, 4) + number(64, 2)
        bytes += number(56, 2) + number(2, 2) + number(0, 6)
        for (type, start) in [(1, 0), (2, dynamic)] {
            bytes += number(type, 4) + number(4, 4) + number(start, 8) + number(start, 8) + number(start, 8)
            bytes += number(end - start, 8) + number(end - start, 8) + number(4096, 8)
        }
        bytes += [UInt8](repeating: 0x61, count: 4096)
        func program(_ names: Int) -> [UInt8] {
            bytes + (0..<names).flatMap { _ in number(1, 8) + number(0, 8) } + number(5, 8) + number(text, 8)
                + [UInt8](repeating: 0, count: 16)
        }
        #expect(try ELFProgram(program(900)).needed.count == 900)
        #expect(throws: ELFProgram.DecodingError.damaged) { try ELFProgram(program(entries)) }
    }
}
