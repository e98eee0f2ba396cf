import Glibc

/// A file beside the seeds that holds an input as long as this lives.
struct ScratchFile: ~Copyable {
    let path = "\(SeedFolder.path)/input.\(getpid())"

    init(_ bytes: [UInt8]) throws(BrokenClaim) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard descriptor >= 0, count == bytes.count else {
            throw BrokenClaim(description: "could not write \(path)")
        }
    }

    deinit { unlink(path) }
}
