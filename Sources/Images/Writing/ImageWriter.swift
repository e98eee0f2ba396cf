package import Bases
package import Blocks
import Glibc
package import Reports

/// A format that images are written in: raw, compressed, mapped.
///
/// A build first edits all slots and then gives all of them to one writer at once, so that the writer reads and decodes
/// each part of the base once however many images are made.
package protocol ImageWriter: Sendable {
    /// What an image's name ends in, without a dot: "img".
    var pathExtension: String { get }

    /// Whether it wants to know which blocks of an image are in use (`ImageRequest.used`).
    var isMapping: Bool { get }

    /// Makes one file for each request, whole or not at all (`OutputFile`), and calls `finished` exactly once for each,
    /// by its place in `requests`, from any thread, as soon as it is durable under its name or has failed.
    ///
    /// One request that fails does not keep the others from being finished; an interruption (`Interruption.check`) ends
    /// all that are not. The bytes written depend on nothing but the base and the patch. Blocks the calling thread.
    func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void)
}

extension ImageWriter {
    package var isMapping: Bool { false }
}

/// One image that a writer shall make: the base with a patch laid over it.
package struct ImageRequest: Sendable {
    /// The slot's name, for progress and errors.
    package var name: String
    /// Where the image goes.
    package var path: String
    /// Permission bits of the file, of which the umask takes its part.
    package var mode: UInt32
    /// Whether an existing file may be replaced.
    package var isReplacing: Bool
    package var patch: Patch
    /// The blocks of the base or the image that are in use; nil for all.
    package var used: BlockSet?

    package init(
        name: String, path: String, mode: UInt32, isReplacing: Bool, patch: Patch, used: BlockSet? = nil
    ) {
        self.name = name
        self.path = path
        self.mode = mode
        self.isReplacing = isReplacing
        self.patch = patch
        self.used = used
    }
}

extension ImageRequest {
    /// The image's map, of which no digest is known yet.
    var emptyMap: BlockMap {
        BlockMap(byteCount: patch.byteCount, used: used ?? BlockSet(touching: [0..<patch.byteCount]))
    }
}

/// What a writer knows of a finished file.
package struct WrittenImage: Equatable, Sendable {
    /// Size of the file in bytes; for a compressed image that of the packed file.
    package var byteCount: Int64
    /// SHA-256 of the file, as sha256sum(1) sees it.
    package var digest: SHA256Digest
    /// The parts of the unpacked image, in 4 KiB blocks of it, that are not all zero; empty when the writer does not know.
    package var dataRanges: [Range<Int64>]

    package init(byteCount: Int64, digest: SHA256Digest, dataRanges: [Range<Int64>] = []) {
        self.byteCount = byteCount
        self.digest = digest
        self.dataRanges = dataRanges
    }
}
