package import Blocks

extension BaseImage {
    /// Opens an image file for reading, packed or not, with progress told in piforge's terms.
    package static func open(
        _ base: Workshop.Base, cache: Cache, unpacking: Bool = false, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> BaseImage {
        let subject = String(base.path.split(separator: "/").last ?? "")
        do throws(BaseImageError) {
            return try open(
                path: base.path, expectedSHA256: base.sha256, cache: cache, unpacking: unpacking,
                progress: { step in
                    observe(Progress(step, subject: subject))
                },
                isCancelled: { Interruption.isRequested })
        } catch {
            throw ForgeError(error, opening: base.path)
        }
    }
}
