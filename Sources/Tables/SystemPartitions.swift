package import Blocks

/// A partition together with what its table entry and its first bytes say about it.
package struct PartitionFinding: Equatable, Sendable {
    package var partition: Partition
    package var content: PartitionContent

    /// FAT by type and by content.
    package var couldBoot: Bool {
        if case .fat = content { partition.kind.mayHoldFAT } else { false }
    }

    /// Linux by type and ext by content.
    package var couldBeRoot: Bool { content == .ext && partition.kind.mayHoldLinux }
}

extension PartitionFinding: CustomStringConvertible {
    /// `1: FAT32, type 0x0c, boot`
    package var description: String {
        let what: String
        switch content {
        case .fat(let bits): what = "FAT\(bits)"
        case .ext: what = "ext"
        case .other: what = "unknown content"
        }
        let role = couldBoot ? ", could boot" : couldBeRoot ? ", could be root" : ""
        return "\(partition.number): \(what), type \(partition.kind)\(role)"
    }
}

/// The two partitions that a Raspberry Pi OS card lives in.
package struct SystemPartitions: Equatable, Sendable {
    package var boot: Partition
    package var root: Partition

    package init(boot: Partition, root: Partition) {
        self.boot = boot
        self.root = root
    }
}

extension PartitionTable {
    /// Every partition with a look at its content, in the order of the table.
    package func findings(in reader: any BlockReader) throws(PartitionTableError) -> [PartitionFinding] {
        var findings: [PartitionFinding] = []
        for partition in partitions {
            let content = try PartitionContent.read(from: reader, range: partition.range)
            findings.append(PartitionFinding(partition: partition, content: content))
        }
        return findings
    }

    /// Boot and root by type and content; of several FAT partitions the only one before root.
    ///
    /// Throws `noBoot`, `noRoot` or `ambiguous` with everything found, so that the caller can look for files instead.
    package func findSystemPartitions(in reader: any BlockReader) throws(PartitionTableError) -> SystemPartitions {
        let findings = try findings(in: reader)
        let boots = findings.filter(\.couldBoot).map(\.partition)
        let roots = findings.filter(\.couldBeRoot).map(\.partition)
        guard let boot = boots.first else { throw .noBoot(findings) }
        guard let root = roots.first else { throw .noRoot(findings) }
        guard roots.count == 1 else { throw .ambiguous(findings) }
        if boots.count == 1 { return SystemPartitions(boot: boot, root: root) }
        let before = boots.filter { $0.range.upperBound <= root.range.lowerBound }
        guard let only = before.first, before.count == 1 else { throw .ambiguous(findings) }
        return SystemPartitions(boot: only, root: root)
    }
}
