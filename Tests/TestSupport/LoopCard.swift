import Foundation
import Testing

/// A file that plays a card, attached to a loop device as long as this object is; needs root.
package final class LoopCard {
    /// `/dev/loop3`
    package let path: String
    /// The file behind it, which is its serial.
    package let file: String
    private let folder: TemporaryFolder?

    /// Makes a card that is full of old bytes; the test is cancelled where that is not possible, and fails with
    /// PIFORGE_REQUIRE. `folder` nil for one of its own.
    package static func make(
        mebibytes: Int, sectorSize: Int = 512, in folder: String? = nil, isFull: Bool = true
    ) throws -> LoopCard {
        let own = folder == nil ? try TemporaryFolder() : nil
        let file = (folder ?? own?.path ?? "") + "/card-" + UUID().uuidString
        try Shell.write([], to: file)
        if isFull {
            let handle = try #require(FileHandle(forWritingAtPath: file))
            let old = Data(repeating: 0xE5, count: 1 << 20)
            for _ in 0..<mebibytes { try handle.write(contentsOf: old) }
            try handle.close()
        } else {
            guard truncate(file, mebibytes << 20) == 0 else { throw CocoaError(.fileWriteUnknown) }
        }
        return try attach(file, sectorSize: sectorSize, folder: own)
    }

    /// A card whose bytes are those of a file.
    package static func attach(_ file: String, sectorSize: Int = 512) throws -> LoopCard {
        try attach(file, sectorSize: sectorSize, folder: nil)
    }

    private static func attach(_ file: String, sectorSize: Int, folder: TemporaryFolder?) throws -> LoopCard {
        try ToolsTrait.require(["losetup"])
        try ToolsTrait.require(getuid() == 0, "loop devices need root")
        let made = try Shell.run("losetup", ["--find", "--show", "--sector-size", "\(sectorSize)", file])
        try ToolsTrait.require(made.status == 0, "no loop device can be had: \(made.error)")
        return LoopCard(
            path: made.output.trimmingCharacters(in: .whitespacesAndNewlines), file: file, folder: folder)
    }

    private init(path: String, file: String, folder: TemporaryFolder?) {
        self.path = path
        self.file = file
        self.folder = folder
    }

    /// What is on the card now.
    package func bytes(_ range: Range<Int>) throws -> [UInt8] {
        let handle = try #require(FileHandle(forReadingAtPath: file))
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(range.lowerBound))
        return Array(try handle.read(upToCount: range.count) ?? Data())
    }

    deinit { _ = try? Shell.run("losetup", ["--detach", path]) }
}
