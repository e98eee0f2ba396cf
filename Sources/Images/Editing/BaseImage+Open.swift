package import Bases
import Blocks
package import Reports

extension BaseImage {
    /// Opens an image file for reading, packed or not, with progress in piforge's terms.
    package static func open(
        _ base: ImageSource, cache: Cache, unpacking: Bool = false, isVerifying: Bool = false,
        observe: @escaping Progress.Observer
    ) throws(ForgeError) -> BaseImage {
        let subject = base.name
        let local = try base.local(observe: observe)
        defer { withExtendedLifetime(local) {} }
        return try wrapping(
            open(
                path: local.path, expectedSHA256: base.sha256, name: local.name, cache: cache, unpacking: unpacking,
                isVerifying: isVerifying,
                progress: { step in
                    observe(Progress(step, subject: subject))
                },
                isCancelled: { Interruption.isRequested }), as: { ForgeError($0, opening: base.path) })
    }

    /// `checkUnchanged` with an error for the person.
    package func confirmUnchanged() throws(ForgeError) {
        try BlockError.wrapping(checkUnchanged())
    }

    /// The bytes of an image file alone, packed or not; a raw one is not read for its SHA-256. With `isShared` a disk
    /// may be mounted.
    package static func openBytes(
        of source: ImageSource, cache: Cache, isShared: Bool = false, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Bytes {
        let subject = source.name
        let local = try source.local(observe: observe)
        defer { withExtendedLifetime(local) {} }
        return try wrapping(
            openBytes(
                path: local.path, name: local.name, cache: cache, isShared: isShared,
                progress: { observe(Progress($0, subject: subject)) },
                isCancelled: { Interruption.isRequested }), as: { ForgeError($0, opening: source.path) })
    }
}

extension BaseImage.Bytes {
    /// Throws when the file was changed since it was opened.
    package func confirmUnchanged() throws(ForgeError) {
        _ = try BlockError.wrapping(origin?.check())
    }
}
