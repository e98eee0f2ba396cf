import Foundation
import TestSupport
import Testing

/// What is on a card, as sfdisk, mtools and debugfs see it.
struct CardTree: Sendable {
    /// All of one partition, by path without a leading slash.
    var boot: [String: BootEntry]
    var root: [String: RootEntry]

    struct BootEntry: Equatable, Sendable {
        /// Nil for a folder.
        var bytes: Data?
        var modified: Date
    }

    struct RootEntry: Equatable, Sendable {
        /// debugfs' word: regular, directory, symlink.
        var type: String
        var mode: UInt16
        var owner: String
        /// Of a link the text.
        var bytes: Data?
        var attributes: String
        /// All that debugfs tells of the inode: number, times, blocks, attributes, checksum.
        var inode: String
    }

    init(_ card: Card) throws {
        boot = try Self.readBoot(card)
        root = try Self.readRoot(card)
    }

    private static func readBoot(_ card: Card) throws -> [String: BootEntry] {
        let folder = try TemporaryFolder()
        let copied = try Shell.run("mcopy", ["-s", "-n", "-m", "-i", card.bootName, "::*", folder.path])
        try #require(copied.status == 0, "mcopy: \(copied.error)")
        var entries: [String: BootEntry] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let facts = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + path)
            let isFolder = facts[.type] as? FileAttributeType == .typeDirectory
            entries[path] = BootEntry(
                bytes: isFolder ? nil : try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + path)),
                modified: facts[.modificationDate] as? Date ?? .distantPast)
        }
        return entries
    }

    private static func readRoot(_ card: Card) throws -> [String: RootEntry] {
        let folder = try TemporaryFolder()
        try #require(try Shell.run("debugfs", ["-R", "rdump / \(folder.path)", card.rootName]).status == 0)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        let commands = paths.map { "stat \"/\($0)\"\n" }.joined()
        let script = try TemporaryFolder()
        try Shell.write(Array(commands.utf8), to: script.path + "/commands")
        let told = try Shell.run("debugfs", ["-f", script.path + "/commands", card.rootName])
        let blocks = told.output.components(separatedBy: "debugfs: stat ").dropFirst()
        try #require(blocks.count == paths.count, "debugfs: \(told.error)")
        var entries: [String: RootEntry] = [:]
        for (path, block) in zip(paths, blocks) {
            entries[path] = try RootEntry(block, extracted: folder.path + "/" + path)
        }
        return entries
    }
}

extension CardTree.RootEntry {
    /// `block`: the answer to `stat`, the path in its first line.
    fileprivate init(_ block: String, extracted path: String) throws {
        var lines = block.components(separatedBy: "\n")
        lines.removeFirst()
        inode = lines.joined(separator: "\n")
        // "Inode: 36   Type: regular    Mode:  0644   Flags: 0x80000" and "User:     0   Group:     0   Project: …"
        let words = (lines.prefix(1) + lines.dropFirst(2).prefix(1)).flatMap { $0.components(separatedBy: " ") }
            .filter { !$0.isEmpty }
        func word(after name: String) -> String {
            words.firstIndex(of: name).map { words[min($0 + 1, words.count - 1)] } ?? ""
        }
        type = word(after: "Type:")
        mode = UInt16(word(after: "Mode:"), radix: 8) ?? 0o7777
        owner = word(after: "User:") + ":" + word(after: "Group:")
        let start = lines.firstIndex(of: "Extended attributes:")
        attributes =
            start.map { lines[($0 + 1)...].prefix { $0.hasPrefix("  ") }.sorted().joined(separator: "\n") } ?? ""
        switch type {
        case "regular": bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        case "symlink": bytes = Data(try FileManager.default.destinationOfSymbolicLink(atPath: path).utf8)
        default: bytes = nil
        }
    }
}

/// An image file and where its partitions lie, as sfdisk sees it.
struct Card: Sendable {
    var path: String
    var bootStart: Int
    var bootSize: Int
    var rootStart: Int
    var rootSize: Int
    /// sfdisk's account of the table without the names of files.
    var table: String

    init(_ path: String) throws {
        struct Dump: Decodable {
            struct Table: Decodable { var partitions: [Partition] }
            struct Partition: Decodable { var start, size: Int }
            var partitiontable: Table
        }
        let told = try Shell.run("sfdisk", ["-J", path])
        try #require(told.status == 0, "sfdisk: \(told.error)")
        let partitions = try JSONDecoder().decode(Dump.self, from: Data(told.output.utf8)).partitiontable.partitions
        try #require(partitions.count == 2)
        self.path = path
        (bootStart, bootSize) = (partitions[0].start * 512, partitions[0].size * 512)
        (rootStart, rootSize) = (partitions[1].start * 512, partitions[1].size * 512)
        table = told.output.replacing(path, with: "image")
    }

    /// What mtools and e2fsprogs call a partition inside a file.
    var bootName: String { "\(path)@@\(bootStart)" }
    var rootName: String { "\(path)?offset=\(rootStart)" }

    /// Lets dosfstools and e2fsprogs judge both file systems.
    func expectClean(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try complaints() == [], sourceLocation: sourceLocation)
    }

    /// What e2fsck and fsck.fat have against the two file systems.
    func complaints() throws -> [String] {
        var complaints: [String] = []
        let ext4 = try Shell.run("e2fsck", ["-fn", rootName])
        if ext4.status != 0 { complaints.append("e2fsck: \(ext4.output)") }
        let folder = try TemporaryFolder()
        let copy = folder.path + "/boot"
        let cut = try Shell.run(
            "dd",
            [
                "if=\(path)", "of=\(copy)", "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse", "skip=\(bootStart)",
                "count=\(bootSize)", "status=none",
            ])
        try #require(cut.status == 0, "dd: \(cut.error)")
        truncate(copy, bootSize)
        let fat = try Shell.run("fsck.fat", ["-n", copy])
        if fat.status != 0 { complaints.append("fsck.fat: \(fat.output)") }
        return complaints
    }

    func sha256() throws -> String { try Self.sha256(of: path) }

    static func sha256(of path: String) throws -> String {
        let told = try Shell.run("sha256sum", ["--", path])
        try #require(told.status == 0, "sha256sum: \(told.error)")
        return String(told.output.prefix(64))
    }
}
