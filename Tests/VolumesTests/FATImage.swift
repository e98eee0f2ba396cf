import Foundation
import TestSupport
import Testing

@testable import Volumes

/// A FAT volume in a file of its own, made, filled and judged by dosfstools and mtools.
final class FATImage {
    struct Format: Sendable, CustomTestStringConvertible {
        var kind: Int
        var kibibytes: Int
        var sectorsPerCluster: Int?
        var bytesPerSector = 512
        var tables = 2
        var rootEntries: Int?

        var testDescription: String {
            "FAT\(kind) \(kibibytes) KiB, \(sectorsPerCluster ?? 0) x \(bytesPerSector), \(tables) tables"
        }
    }

    let path: String
    private let folder: TemporaryFolder

    init(_ format: Format) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/fat.img"
        var arguments = ["--invariant", "-F", "\(format.kind)", "-S", "\(format.bytesPerSector)", "-n", "BOOTFS"]
        arguments += ["-f", "\(format.tables)"]
        if let count = format.sectorsPerCluster { arguments += ["-s", "\(count)"] }
        if let count = format.rootEntries { arguments += ["-r", "\(count)"] }
        let made = try Shell.run("mkfs.fat", arguments + ["-C", path, "\(format.kibibytes)"])
        try #require(made.status == 0, "\(made.error)")
    }

    var bytes: [UInt8] {
        get throws { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    }

    func open(access: FATVolume.Access) throws -> FATVolume {
        try FATVolume(ImageFile(path), access: access)
    }

    /// Edits the volume and closes it.
    func edit(_ body: (FATVolume) throws -> Void) throws {
        let volume = try open(access: .readWrite)
        try body(volume)
        try volume.close()
    }

    /// fsck.fat must be content, and say nothing but its version and its summary.
    func check() throws {
        let result = try Shell.run("fsck.fat", ["-n", path])
        let lines = result.output.split(separator: "\n")
        #expect(result.status == 0 && lines.count == 2 && result.error.isEmpty, "\(result.output)\(result.error)")
        #expect(lines.last?.contains(" files, ") == true, "\(result.output)")
    }

    /// Runs one of the mtools on the image and returns its output; `input` goes to the tool's standard input.
    @discardableResult
    func mtool(_ name: String, _ arguments: [String], input: [UInt8]? = nil) throws -> String {
        let environment = ["MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null", "LC_ALL": "C.UTF-8"]
        let result = try Shell.run(name, ["-i", path] + arguments, input: input, environment: environment)
        try #require(result.status == 0, "\(name) \(arguments): \(result.error)")
        return result.output
    }

    /// Stores bytes as a file, by mcopy.
    func mcopy(_ bytes: [UInt8], to target: String) throws {
        try mtool("mcopy", ["-o", "-", "::" + target], input: bytes)
    }

    /// A file's bytes, by mcopy.
    func mread(_ source: String) throws -> [UInt8] {
        let file = folder.path + "/out"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try mtool("mcopy", ["-n", "::" + source, file])
        return Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    }
}
