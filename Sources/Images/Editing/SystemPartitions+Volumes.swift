package import Blocks
import Plans
package import Reports
package import Tables
package import Trees
import Volumes

extension SystemPartitions {
    /// The file systems of both, opened to be read.
    package func volumes(
        on device: any BlockDevice
    ) throws(ForgeError) -> (boot: any ReadableVolume, root: any ReadableVolume) {
        (
            try wrapping(on: .boot, boot.openFAT(on: device, access: .readOnly)),
            try wrapping(on: .root, root.openExt4(on: device, now: nil))
        )
    }
}
