package import Bases
import Images
package import Inspect
package import Reports

extension Inspection {
    /// Looks at an image file, packed or not.
    package static func of(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Inspection {
        let base = try BaseImage.open(
            ImageSource(path: path, sha256: nil), cache: cache, isShared: true, observe: observe)
        let inspection: Inspection
        do throws(ForgeError) { inspection = try of(base.reader) } catch { throw error.naming(image: path) }
        try base.confirmUnchanged()
        return inspection
    }
}
