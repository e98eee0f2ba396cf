package import Blocks
package import Reports
import Tables
import Volumes

extension Overlay {
    /// Makes an image that the kernel has mounted look as if it had been unmounted, for looking only.
    package func hideMounts() throws(ForgeError) {
        let system = try PartitionTableError.wrapping(SystemPartitions(of: base))
        try BlockError.wrapping(hideMounts(boot: system.boot.range, root: system.root.range))
    }
}
