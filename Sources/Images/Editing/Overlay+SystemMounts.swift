package import Blocks
package import Reports
import Tables
import Volumes

extension Overlay {
    /// Makes an image that the kernel has mounted look as if it had been unmounted, for looking only.
    package func hideMounts() throws(ForgeError) {
        let system: SystemPartitions
        do throws(PartitionTableError) {
            system = try PartitionTable.read(from: base).findSystem(in: base)
        } catch {
            throw ForgeError(error)
        }
        do throws(BlockError) {
            try hideMounts(boot: system.boot.range, root: system.root.range)
        } catch {
            throw ForgeError(error)
        }
    }
}
