import Blocks
import Foundation
import Tables
import TestSupport
import Testing

/// A card that is mounted, as a desktop mounts it, and looked at all the same; needs root.
@Suite(.needsRoot, .needs(BaseSpec.tools), .needs("addpart", "delpart", "mount", "umount"))
struct MountedCardTests {
    @Test("inspect and verify see what was just written to a card that is mounted")
    func mounted() async throws {
        let folder = try TemporaryFolder()
        let piforge = Piforge(folder: folder.path)
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let made = try piforge.run(
            "build", "--base", base, "--slot", "p1", "--hostname", "oneil", "--output", folder.path)
        try #require(made.status == 0, "\(made.error)")
        let image = folder.path + "/p1.img"
        let card = try LoopCard.attach(image)
        let table = try PartitionTable.read(from: FileReader(OpenFile(path: image, flags: O_RDONLY)))
        for partition in table.partitions {
            let sectors = [
                partition.range.lowerBound / 512, (partition.range.upperBound - partition.range.lowerBound) / 512,
            ]
            _ = try Shell.run("addpart", [card.path, "\(partition.number)"] + sectors.map(String.init))
        }
        defer {
            for partition in table.partitions { _ = try? Shell.run("delpart", [card.path, "\(partition.number)"]) }
        }
        let point = folder.path + "/mounted"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
        let mounted = try Shell.run("mount", ["-t", "ext4", card.path + "p2", point])
        try ToolsTrait.require(mounted.status == 0, "ext4 cannot be mounted here: \(mounted.error)")
        defer { _ = try? Shell.unmount(point) }

        let verify = ["verify", card.path, "--slot", "p1", "--hostname"]
        let asMade = try piforge.run(verify + ["oneil"])
        #expect(asMade.status == 0, "\(asMade.output)\(asMade.error)")
        try Shell.write(Array("carter\n".utf8), to: point + "/etc/hostname")
        let changed = try piforge.run(verify + ["oneil"])
        #expect(changed.status == 1 && changed.output.contains("/etc/hostname"), "\(changed.output)\(changed.error)")
        let inspected = try piforge.run("inspect", card.path, "--json")
        #expect(inspected.status == 0 && inspected.output.contains("\"hostname\" : \"carter\""), "\(inspected.error)")
        let used = try piforge.run("plan", "--base", card.path, "--slot", "p1")
        #expect(used.status != 0 && used.error.contains(card.path), "\(used.error)")
    }
}
