package import Bases
package import Images
package import Inspect
package import Reports

extension Inspection {
    /// Looks at an image file, packed or not.
    package static func of(
        _ source: ImageSource, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Inspection {
        let base = try BaseImage.openBytes(of: source, cache: cache, isShared: true, observe: observe)
        let inspection = try wrapping(
            of(base.reader, isMounted: base.isMounted),
            as: { (error: ForgeError) in error.naming(image: source.path) })
        try base.confirmUnchanged()
        return inspection
    }
}
