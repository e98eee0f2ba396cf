package import Blocks
import Readers
import Reports
package import Tables
import Trees

extension PartitionTable {
    /// Boot and root, by type and content; where several could be it, by what cmdline.txt says after `root=`, and else
    /// by where a system lies.
    package func findSystem(in reader: any BlockReader) throws(PartitionTableError) -> SystemPartitions {
        do throws(PartitionTableError) {
            return try findSystemPartitions(in: reader)
        } catch {
            guard case .ambiguous(let findings) = error else { throw error }
            let recorder = FailureRecorder(reader)
            let found = SystemSearch(table: self, reader: recorder, findings: findings).result
            try wrapping(recorder.check(), as: PartitionTableError.unreadable)
            guard let found else { throw error }
            return found
        }
    }
}

extension FileSystemNames {
    /// What a superblock says.
    package init(_ superblock: Superblock) {
        self.init(uuid: superblock.volumeID, label: superblock.label)
    }
}

/// Looks into partitions for which of them the firmware and the kernel would take.
private struct SystemSearch {
    let table: PartitionTable
    let reader: any BlockReader
    let findings: [PartitionFinding]

    /// Nil when nothing tells, or what tells cannot be read.
    var result: SystemPartitions? {
        guard let boot, let root = root(namedBy: boot) ?? onlySystem else { return nil }
        return SystemPartitions(boot: boot, root: root)
    }

    /// The firmware's choice among those with a cmdline.txt: the one that autoboot.txt names, else the first.
    private var boot: Partition? {
        let boots = findings.filter(\.couldBoot).map(\.partition)
        let candidates = boots.filter { file("cmdline.txt", in: $0) != nil }
        if candidates.count > 1, let first = boots.first, let number = bootPartition(namedIn: first),
            let named = candidates.first(where: { $0.number == number })
        {
            return named
        }
        return candidates.first
    }

    /// `boot_partition=` under `[all]` of autoboot.txt (Raspberry Pi documentation, "autoboot.txt").
    private func bootPartition(namedIn partition: Partition) -> Int? {
        guard let bytes = file("autoboot.txt", in: partition) else { return nil }
        var section = "all"
        var number: Int?
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = line.filter { $0 != " " && $0 != "\t" }
            if text.hasPrefix("["), text.hasSuffix("]") { section = String(text.dropFirst().dropLast()) }
            let key = "boot_partition="
            if section == "all", text.hasPrefix(key) { number = Int(text.dropFirst(key.count)) }
        }
        return number
    }

    private func root(namedBy boot: Partition) -> Partition? {
        guard let bytes = file("cmdline.txt", in: boot) else { return nil }
        let line = CommandLineFile(bytes).bytes.prefix { $0 != 0x0A }
        let words = line.split { [0x20, 0x09, 0x0D].contains($0) }
        let key = Array("root=".utf8)
        // The kernel and the initramfs take the last one.
        guard let word = words.last(where: { $0.starts(with: key) }) else { return nil }
        let value = String(decoding: word.dropFirst(key.count).filter { $0 != 0x22 }, as: UTF8.self)
        let argument = RootArgument(value)
        return findings.first { finding in
            guard finding.content == .ext else { return false }
            let names = superblock(of: finding.partition).map(FileSystemNames.init)
            return argument.names(finding.partition, of: table, fileSystem: names) == true
        }?.partition
    }

    /// The one Linux partition with a system on it.
    private var onlySystem: Partition? {
        let systems = findings.filter(\.couldBeRoot).map(\.partition).filter { partition in
            guard let volume = try? partition.openExt4(on: Overlay(over: reader), now: nil) else { return false }
            return (try? volume.status(at: "/etc/os-release")) != nil || (try? volume.status(at: "/sbin/init")) != nil
        }
        return systems.count == 1 ? systems.first : nil
    }

    private func superblock(of partition: Partition) -> Superblock? {
        try? Superblock(of: partition.slice(of: Overlay(over: reader)))
    }

    private func file(_ name: String, in partition: Partition) -> [UInt8]? {
        guard let path = VolumePath("/" + name),
            let volume = try? partition.openFAT(on: Overlay(over: reader), access: .readOnly),
            let status = try? volume.status(at: path), status.byteCount <= 1 << 16,
            case .file(let bytes)? = try? volume.node(at: path)?.content
        else { return nil }
        return bytes
    }
}
