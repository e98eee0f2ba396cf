import Foundation
import FuzzTargets
import TestSupport
import Testing

/// What `scripts/fuzz` does for hours, for a moment and with equal inputs each time: the seeds of every target and
/// changes of them.
@Suite(
    .serialized, .mustEnd,
    .needs(
        "sfdisk", "mkfs.fat", "fsck.fat", "mmd", "mcopy", "mke2fs", "debugfs", "e2fsck", "python3", "tar", "xz", "gzip",
        "bzip2", "zstd", "cpio", "gcc", "ssh-keygen", "iconv", "dpkg-deb"))
struct FuzzTargetTests {
    /// Changed inputs that are tried; targets that take milliseconds each get few.
    private static func count(for target: FuzzTarget) -> Int {
        let count =
            switch target {
            case .image: 1
            case .system, .fat, .ext4, .tar, .packed, .deb, .profile: 5
            default: 30
            }
        return Thoroughness.isFull ? count * 40 : count
    }

    @Test("no input breaks a claim", arguments: FuzzTarget.allCases)
    func inputs(_ target: FuzzTarget) throws {
        let folder = try TemporaryFolder()
        let made = try Shell.run(Repository.path + "/Tests/Fuzz/make-seeds", [folder.path, target.rawValue])
        try #require(made.status == 0, "\(made.error)")
        SeedFolder.use(folder.path)
        let own = folder.path + "/" + target.rawValue
        let names = try FileManager.default.contentsOfDirectory(atPath: own).sorted()
        let seeds = try names.map { Array(try Data(contentsOf: URL(fileURLWithPath: "\(own)/\($0)"))) }
        try #require(!seeds.isEmpty)
        for (name, seed) in zip(names, seeds) { #expect(throws: Never.self, "\(name)") { try target.run(seed) } }
        var random = SeededGenerator(seed: 1)
        for number in 0..<Self.count(for: target) {
            let input = Self.changed(seeds, &random)
            #expect(throws: Never.self, "input \(number): \(Data(input).base64EncodedString())") {
                try target.run(input)
            }
        }
    }

    /// A seed after some of the changes that fuzzers make.
    private static func changed(_ seeds: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = seeds.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where place < bytes.count:
                bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: bytes.insert(contentsOf: random.bytes(4), at: place)
            case 5: bytes = Array(bytes.prefix(place) + (seeds.randomElement(using: &random) ?? []).dropFirst(place))
            default: bytes.append(UInt8.random(in: 0xF8...0xFE, using: &random))
            }
        }
        return Array(bytes.prefix(65_536))
    }
}
