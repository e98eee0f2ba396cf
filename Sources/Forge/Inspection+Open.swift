package import Bases
import Images
package import Inspect
package import Reports

extension Inspection {
    /// Looks at an image file, packed or not.
    package static func of(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Inspection {
        let base = try BaseImage.openBytes(of: path, cache: cache, isShared: true, observe: observe)
        let inspection = try wrapping(
            of(base.reader, isMounted: base.isMounted), as: { (error: ForgeError) in error.naming(image: path) })
        try base.confirmUnchanged()
        return inspection
    }
}
