package import Bases
import Blocks
import Glibc
package import Reports

/// Writes sparse raw images: all of them, with their digests, in one pass over the base (`RawPass`).
///
/// On file systems without reflinks a write out of memory is as fast as copy_file_range(2), which reads the page cache.
package struct RawImageWriter: ImageWriter {
    package let pathExtension = "img"
    /// Sees every piece of the base, in order.
    var watch: (@Sendable (SparseBytes) -> Void)?
    /// Keeps the base for later builds.
    var tee: CacheTee?

    package init() {}

    package func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let pass = RawPass(requests: requests, base: base, isHashing: true, watch: watch, tee: tee)
        pass.run(observe: observe) { index, result in
            let image = Result { () throws(ForgeError) in
                let output = try result.get()
                defer { output.discard() }
                return try output.finish()
            }
            finished(index, image)
        }
    }
}
