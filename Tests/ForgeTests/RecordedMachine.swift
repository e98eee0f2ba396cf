@testable import Cards
@testable import Forge
import Foundation
import TestSupport
import Testing

/// sysfs, procfs and device links of another machine, expanded into a folder from a text of Tests/Machines.
///
/// ```
///   [/sys/devices/…/block/sda]    the folder that the next lines are below; one with `dev` is a block device
///   size = 62333952               a file
///   holders/dm-0 -> ../dm-0       a link
///   proc/swaps:                   a file of the lines that follow
///   | Filename …
/// ```
struct RecordedMachine {
    let folder: TemporaryFolder
    let inventory: DiskInventory

    var root: String { folder.path }

    init(_ name: String) throws {
        folder = try TemporaryFolder()
        let text = try String(contentsOfFile: "\(Repository.path)/Tests/Machines/\(name).txt", encoding: .utf8)
        var base = "/"
        var listing: (path: String, lines: [String])?
        for line in text.split(separator: "\n").map(String.init) where !line.hasPrefix("#") {
            if line.hasPrefix("| ") {
                listing?.lines.append(String(line.dropFirst(2)))
                continue
            }
            if let done = listing { try Self.put(done.lines.map { $0 + "\n" }.joined(), at: folder.path + done.path) }
            listing = nil
            if line.hasPrefix("[") {
                base = String(line.dropFirst().dropLast())
                if !base.hasSuffix("/") { base += "/" }
            } else if line.hasSuffix(":"), !line.contains("=") {
                listing = (base + line.dropLast(), [])
            } else if let arrow = line.range(of: " -> ") {
                try Self.link(folder.path + base + line[..<arrow.lowerBound], to: String(line[arrow.upperBound...]))
            } else {
                let sign = try #require(line.firstIndex(of: "="), "\(name): \(line)")
                let path = base + line[..<sign].trimmingCharacters(in: .whitespaces)
                let value = line[line.index(after: sign)...].trimmingCharacters(in: .whitespaces)
                try Self.put(value + "\n", at: folder.path + path)
                if path.hasSuffix("/dev") { try Self.announce(base, in: folder.path) }
            }
        }
        if let done = listing { try Self.put(done.lines.map { $0 + "\n" }.joined(), at: folder.path + done.path) }
        inventory = DiskInventory.read(root: folder.path)
    }

    /// Lists a device as the kernel does.
    private static func announce(_ device: String, in root: String) throws {
        let place = device.dropFirst().dropLast()
        let name = try #require(place.split(separator: "/").last)
        try link("\(root)/sys/class/block/\(name)", to: "../../../\(place)")
    }

    func disk(_ name: String) throws -> Disk { try #require(inventory.disk(named: name), "no disk \(name)") }

    private static func put(_ text: String, at path: String) throws {
        try makeFolder(above: path)
        try Shell.write(Array(text.utf8), to: path)
    }

    private static func link(_ path: String, to target: String) throws {
        try makeFolder(above: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    private static func makeFolder(above path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
}
