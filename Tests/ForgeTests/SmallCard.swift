@testable import Forge
import Foundation
@testable import Images
@testable import Reports
import TestSupport
import Testing

/// A card image of 48 MiB in a file: FAT16 from 1 MiB on, ext from 16 MiB to 40 MiB, both made by their own tools.
struct SmallCard {
    struct Format: Sendable, CustomTestStringConvertible {
        var name: String
        /// For mke2fs.
        var options: [String]
        var blockSize = 4096
        var label = "dos"
        var sectorSize = 512
        /// One more partition, behind root.
        var hasThird = false
        var testDescription: String { name }

        static let stretch = Format(name: "no checksums", options: ["-O", "^metadata_csum,^64bit"])
        static let bookworm = Format(name: "checksums", options: ["-O", "metadata_csum,^64bit"])
    }

    static let tools = ["sfdisk", "mkfs.fat", "mcopy", "mke2fs", "e2fsck", "dumpe2fs"]
    static let root = 16 << 20..<40 << 20
    private static let size = 48 << 20

    let path: String

    /// `cmdline`: what the boot partition's cmdline.txt says.
    init(_ format: Format, in folder: TemporaryFolder, cmdline: String = "root=/dev/mmcblk0p2 rootwait") throws {
        path = folder.path + "/image"
        var bytes = [UInt8](repeating: 0, count: Self.size)
        try Self.makeTable(format, folder.path, &bytes)
        let boot = folder.path + "/boot"
        try Self.make(boot, byteCount: 8 << 20, "mkfs.fat", ["-F", "16", "-s", "1"])
        try Shell.write(Array((cmdline + "\n").utf8), to: folder.path + "/cmdline.txt")
        let label = CardLabel(
            base: String(repeating: "6", count: 64), cluster: "sg1", settings: nil, slot: "p1", sourceDateEpoch: 0)
        try Shell.write(try JSON.encode(label), to: folder.path + "/piforge.json")
        for name in ["cmdline.txt", "piforge.json"] {
            try Self.run("mcopy", ["-i", boot, folder.path + "/" + name, "::" + name])
        }
        let root = folder.path + "/root"
        try Self.make(
            root, byteCount: Self.root.count, "mke2fs",
            ["-q", "-t", "ext4", "-b", "\(format.blockSize)", "-d", Self.contents] + format.options)
        for (file, offset) in [(boot, 1 << 20), (root, Self.root.lowerBound)] {
            let part = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
            bytes.replaceSubrange(offset..<offset + part.count, with: part)
        }
        try Shell.write(bytes, to: path)
    }

    /// Files for the root file system.
    private static let contents = Repository.path + "/profiles"

    private static func makeTable(_ format: Format, _ folder: String, _ bytes: inout [UInt8]) throws {
        let sector = format.sectorSize
        var lines = ["label: \(format.label)"]
        let kinds = format.label == "dos" ? ["c", "83"] : ["U", "L"]
        lines.append("start=\((1 << 20) / sector), size=\((8 << 20) / sector), type=\(kinds[0])")
        lines.append("start=\(Self.root.lowerBound / sector), size=\(Self.root.count / sector), type=\(kinds[1])")
        if format.hasThird { lines.append("start=\((41 << 20) / sector), size=\((1 << 20) / sector)") }
        let file = folder + "/table"
        try Shell.write(bytes, to: file)
        // sfdisk takes the sectors' size from the device alone.
        let card = sector == 512 ? nil : try LoopCard.attach(file, sectorSize: sector)
        let made = try Shell.run(
            "sfdisk", ["-q", "--no-tell-kernel", card?.path ?? file],
            input: Array(lines.joined(separator: "\n").utf8))
        try #require(made.status == 0, "\(made.error)")
        try withExtendedLifetime(card) { bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file))) }
    }

    private static func make(_ file: String, byteCount: Int, _ tool: String, _ options: [String]) throws {
        try Shell.write([], to: file)
        try #require(truncate(file, byteCount) == 0)
        try run(tool, options + [file])
    }

    private static func run(_ tool: String, _ arguments: [String]) throws {
        let run = try Shell.run(tool, arguments)
        try #require(run.status == 0, "\(run.error)")
    }
}
