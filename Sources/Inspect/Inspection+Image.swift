package import Blocks
package import Reports
import Tables
package import Trees
import Volumes

extension Inspection {
    /// Looks at a whole image. A partition that is missing, or that cannot be read as it is, becomes a finding; only
    /// an image without partitions, or one whose structures are damaged, is an error. `isMounted`: the kernel has file
    /// systems of it mounted, so that they call themselves in use.
    package static func of(_ image: any BlockReader, isMounted: Bool = false) throws(ForgeError) -> Inspection {
        try of(Overlay(over: image), isMounted: isMounted)
    }

    /// The same of what an image would be with the changes that `overlay` holds; the partitions' places are those of its
    /// base.
    package static func of(_ overlay: Overlay, isMounted: Bool = false) throws(ForgeError) -> Inspection {
        var findings: [Finding] = []
        let table = try PartitionTableError.wrapping(PartitionTable.read(from: overlay.base))
        let places = try PartitionTableError.wrapping(findPlaces(table, in: overlay.base, &findings))
        if isMounted {
            try BlockError.wrapping(overlay.hideMounts(boot: places.boot?.range, root: places.root?.range))
        }
        let boot = try places.boot.map { (part) throws(ForgeError) in try openBoot(part, of: overlay, &findings) }
        let root = try places.root.map { (part) throws(ForgeError) in try openRoot(part, of: overlay, &findings) }
        return try wrapping(
            Inspection(
                boot: (boot ?? nil) ?? MemoryVolume(), root: root ?? nil, table: table, bootPartition: places.boot,
                rootPartition: places.root, rootNames: rootNames(places.root, of: overlay), findings: findings),
            as: { (error: VolumeError) in ForgeError(inspecting: error) })
    }

    /// Boot and root; where they are not plain to see, the first that could be.
    private static func findPlaces(
        _ table: PartitionTable, in image: any BlockReader, _ findings: inout [Finding]
    ) throws(PartitionTableError) -> (boot: Partition?, root: Partition?) {
        do throws(PartitionTableError) {
            let system = try table.findSystem(in: image)
            return (system.boot, system.root)
        } catch {
            switch error {
            case .noBoot(let found), .noRoot(let found), .ambiguous(let found):
                findings.append(Finding(.error, .partitionsUnclear, "boot and root are not plain to see: \(error)"))
                return (found.first(where: \.couldBoot)?.partition, found.first(where: \.couldBeRoot)?.partition)
            default: throw error
            }
        }
    }

    private static func openBoot(
        _ partition: Partition, of overlay: Overlay, _ findings: inout [Finding]
    ) throws(ForgeError) -> (any ReadableVolume)? {
        do throws(VolumeError) {
            return try partition.openFAT(on: overlay)
        } catch .unsupported(let feature, let remedy) {
            findings.append(
                Finding(
                    .warning, .bootUnreadable, "the boot partition can be read but not edited: \(feature)", hint: remedy
                ))
        } catch {
            throw ForgeError(error, on: .boot)
        }
        do throws(VolumeError) {
            return try partition.openFAT(on: overlay, access: .readOnly)
        } catch .unsupported(let feature, _) {
            findings.append(Finding(.error, .bootUnreadable, "the boot partition cannot be read: \(feature)"))
            return nil
        } catch {
            throw ForgeError(error, on: .boot)
        }
    }

    private static func openRoot(
        _ partition: Partition, of overlay: Overlay, _ findings: inout [Finding]
    ) throws(ForgeError) -> (any ReadableVolume)? {
        do throws(VolumeError) {
            return try partition.openExt4(on: overlay, now: nil)
        } catch .unsupported(let feature, let remedy) {
            findings.append(
                Finding(
                    .error, .rootUnreadable, "the root partition is not told of, it cannot be read safely: \(feature)",
                    hint: remedy)
            )
            return nil
        } catch {
            throw ForgeError(error, on: .root)
        }
    }

    private static func rootNames(_ partition: Partition?, of overlay: Overlay) -> FileSystemNames? {
        guard let partition else { return nil }
        return (try? Superblock(of: partition.slice(of: overlay))).map(FileSystemNames.init)
    }
}

extension ForgeError {
    /// Reports a volume that turned out to be damaged while it was read.
    package init(inspecting error: VolumeError) {
        switch error {
        case .device(let text): self.init(.inputOutput, "could not read the image: \(text)")
        case .corrupt(let what):
            self.init(
                .badInput, "could not read the image: \(what)",
                hint: "check its partitions with fsck.fat -n and e2fsck -fn, or download it again")
        default: self.init(.bug, "could not inspect the image: \(error)")
        }
        cause = error
    }
}
