import Blocks
import Glibc
import Synchronization

/// The folder of what `make-seeds` made: seeds by target, and in `images` what inputs are changes of.
package enum SeedFolder {
    private static let own = Mutex<String?>(nil)

    /// Before the first target runs.
    package static func use(_ path: String) { own.withLock { $0 = path } }

    /// The one in use, else the one that PIFORGE_FUZZ_SEEDS names.
    static var path: String {
        own.withLock { $0 } ?? getenv("PIFORGE_FUZZ_SEEDS").map { String(cString: $0) } ?? "."
    }

    /// An image as a reader, and as bytes.
    static func image(_ name: String) throws(BrokenClaim) -> FileReader {
        let path = "\(path)/images/\(name)"
        guard let file = try? OpenFile(path: path, flags: O_RDONLY), let reader = try? FileReader(file) else {
            throw BrokenClaim(description: "there is no \(path): make-seeds was not run")
        }
        return reader
    }

    static func bytes(ofImage name: String) throws(BrokenClaim) -> [UInt8] {
        let reader = try image(name)
        guard let bytes = try? reader.bytes(at: 0, count: Int(reader.byteCount)) else {
            throw BrokenClaim(description: "could not read \(name)")
        }
        return bytes
    }
}
