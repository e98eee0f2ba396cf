package import Blocks
import Glibc
package import Reports
package import Tables
import Trees
import Volumes

/// Brings one partition's file system to a clean state with the programs that are made for it, e2fsck and fsck.fat.
///
/// Both want a file that is the file system and nothing else, and e2fsck replays no journal behind an offset in a file. So
/// the partition is copied to a file without a name, repaired there, and what differs is written back.
package struct FileSystemRepair {
    package let partition: Partition
    /// What is the matter, in words: "a journal that was not replayed".
    package let complaint: String
    private let kind: Kind

    private enum Kind {
        case fat
        /// With the time of the last write, in seconds since 1970-01-01 UTC.
        case ext(lastWritten: Int64)
    }

    private static let pieceSize: Int64 = 1 << 20

    /// What is there to do for a partition; nil when its file system is clean or is none of these.
    package init?(_ finding: PartitionFinding, in reader: any BlockReader) {
        guard let slice = try? finding.partition.slice(of: Overlay(over: reader)) else { return nil }
        var kind = Kind.fat
        do throws(VolumeError) {
            switch finding.content {
            case .fat: _ = try FATVolume(slice)
            case .ext:
                let superblock = try Superblock(of: slice)
                kind = .ext(lastWritten: superblock.lastWriteTime)
                try superblock.checkState()
            case .other: break
            }
            return nil
        } catch {
            guard case .unsupported(let feature, Features.repair) = error else { return nil }
            partition = finding.partition
            complaint = feature
            self.kind = kind
        }
    }

    /// Repairs the partition on `device`; `scratch` makes a file for it. Returns how many bytes were changed.
    package func run(
        on device: any BlockDevice, scratch: () throws(BlockError) -> OpenFile, observe: (Int64) -> Void
    ) throws(ForgeError) -> Int64 {
        let file = try BlockError.wrapping(scratch())
        try BlockError.wrapping(copy(device, to: file, observe: observe))
        try runTool(on: file)
        try check(file)
        return try BlockError.wrapping(writeBack(file, to: device))
    }

    private func copy(
        _ device: any BlockDevice, to file: OpenFile, observe: (Int64) -> Void
    ) throws(BlockError) {
        try file.resize(to: partition.byteCount)
        var offset: Int64 = 0
        while offset < partition.byteCount, !Interruption.isRequested {
            let count = min(Self.pieceSize, partition.byteCount - offset)
            let bytes = try device.bytes(at: partition.range.lowerBound + offset, count: Int(count))
            if bytes.contains(where: { $0 != 0 }) {
                try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: offset) }
            }
            offset += count
            observe(offset)
        }
    }

    private func runTool(on file: OpenFile) throws(ForgeError) {
        try Interruption.check()
        // The file has no name; its descriptor's does as one as long as this process lives.
        let path = "/proc/\(getpid())/fd/\(file.descriptor)"
        let name: String
        let run: ToolRun
        switch kind {
        case .fat:
            name = "fsck.fat"
            run = try ToolRun(name, ["-a", "-w", path], package: "dosfstools")
        case .ext(let lastWritten):
            name = "e2fsck"
            // Times that it sets are that of the last write, so that the outcome follows from the image alone.
            run = try ToolRun(
                name, ["-fy", path], environment: ["E2FSCK_TIME=\(max(1, lastWritten))"], package: "e2fsprogs")
        }
        // e2fsck(8): 1 corrected, 2 corrected and wants a restart, from 4 on not all. fsck.fat(8): 1 corrected.
        guard run.status & ~3 == 0 else {
            throw ForgeError(
                .badInput,
                "could not repair partition \(partition.number): \(name) ended with \(run.status)"
                    + (run.lastLine.map { ": \($0)" } ?? ""),
                hint: "copy the card again while nothing uses it")
        }
    }

    /// Throws unless our own drivers would edit it now.
    private func check(_ file: OpenFile) throws(ForgeError) {
        let device = try BlockError.wrapping(FileDevice(file))
        do throws(VolumeError) {
            switch kind {
            case .fat: _ = try FATVolume(device)
            case .ext(let lastWritten): try Ext4Volume(device: device, now: lastWritten).close()
            }
        } catch {
            throw ForgeError(
                .badInput, "could not repair partition \(partition.number): it is still not clean: \(error)",
                hint: "copy the card again while nothing uses it")
        }
    }

    private func writeBack(_ file: OpenFile, to device: any BlockDevice) throws(BlockError) -> Int64 {
        let reader = try FileReader(file)
        var changed: Int64 = 0
        var offset: Int64 = 0
        while offset < partition.byteCount {
            let count = Int(min(Int64(SparseBytes.granuleSize), partition.byteCount - offset))
            let place = partition.range.lowerBound + offset
            let bytes = try reader.bytes(at: offset, count: count)
            if try device.bytes(at: place, count: count) != bytes {
                try device.write(bytes, at: place)
                changed += Int64(count)
            }
            offset += Int64(count)
        }
        return changed
    }
}
