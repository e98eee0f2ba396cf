package import Bases
package import Blocks
package import Reports

extension BaseImage {
    /// Opens an image file for reading, packed or not, with progress in piforge's terms.
    package static func open(
        _ base: ImageSource, cache: Cache, unpacking: Bool = false, isVerifying: Bool = false,
        isShared: Bool = false,
        observe: @escaping Progress.Observer
    ) throws(ForgeError) -> BaseImage {
        let subject = String(base.path.split(separator: "/").last ?? "")
        do throws(BaseImageError) {
            return try open(
                path: base.path, expectedSHA256: base.sha256, cache: cache, unpacking: unpacking,
                isVerifying: isVerifying, isShared: isShared,
                progress: { step in
                    observe(Progress(step, subject: subject))
                },
                isCancelled: { Interruption.isRequested })
        } catch {
            throw ForgeError(error, opening: base.path)
        }
    }

    /// `checkUnchanged` with an error for the person.
    package func confirmUnchanged() throws(ForgeError) {
        do throws(BlockError) { try checkUnchanged() } catch { throw ForgeError(error) }
    }

    /// The bytes of an image file alone, packed or not; a raw one is not read for its SHA-256. `origin` is the file that
    /// they come out of, if they do.
    package static func openReader(
        of path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> (reader: any BlockReader, origin: UnchangedFile?) {
        let subject = String(path.split(separator: "/").last ?? "")
        do throws(BaseImageError) {
            return try openReader(
                path: path, cache: cache, progress: { observe(Progress($0, subject: subject)) },
                isCancelled: { Interruption.isRequested })
        } catch {
            throw ForgeError(error, opening: path)
        }
    }
}
