package import Bases
package import Blocks
import Glibc
package import Reports
import Synchronization

/// An output that is edited in place before it gets its name: the base's bytes, patched, in a file of their own.
///
/// For edits that do not fit into an overlay in memory: by the kernel through a loop device, or of hundreds of MiB. The
/// file lies under its partial name (`OutputFile`) until `commit`, and vanishes with this object when that never comes.
/// Holes of the base stay holes.
package final class WorkingCopy: Sendable {
    /// The slot's name, for progress and errors.
    package let name: String
    /// The name that the file will have.
    package let path: String
    private let file: Mutex<OutputFile?>
    private let descriptor: Int32

    private init(_ file: consuming OutputFile, name: String) {
        self.name = name
        path = file.path
        descriptor = file.descriptor
        self.file = Mutex(file)
    }

    /// Makes all copies in one pass over the base and calls `made` once for each, with its index in `requests`, from any
    /// thread. One that fails does not keep the others from being made. Blocks the calling thread.
    package static func make(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        made: @escaping @Sendable (Int, Result<WorkingCopy, ForgeError>) -> Void
    ) {
        RawPass(requests: requests, base: base, isHashing: false).run(observe: observe) { index, result in
            let copy = Result { () throws(ForgeError) in
                WorkingCopy(try result.get().completed(), name: requests[index].name)
            }
            made(index, copy)
        }
    }

    /// Makes the file longer; what is added reads as zeros. Devices and readers that are there keep their size.
    package func grow(to byteCount: Int64) throws(ForgeError) {
        guard try byteCount >= self.byteCount else {
            throw ForgeError(.bug, "\(path) was to be grown to \(byteCount) bytes, which would cut it")
        }
        try withFile { (file) throws(ForgeError) in try file.setByteCount(byteCount) }
    }

    /// Size in bytes.
    package var byteCount: Int64 {
        get throws(ForgeError) { try reader().byteCount }
    }

    /// The file for reading; valid until `commit`, and as large as the file is now.
    package func reader() throws(ForgeError) -> FileReader {
        let file = try openFile()
        return try BlockError.wrapping(FileReader(file))
    }

    /// The file for editing; valid until `commit`, and as large as the file is now.
    package func device() throws(ForgeError) -> FileDevice {
        let file = try openFile()
        return try BlockError.wrapping(FileDevice(file))
    }

    /// Another descriptor of the file with a lock of its own: flock(2) on ours does not extend to it, so that a loop
    /// device that outlives a killed process does not keep the next one from the file.
    private func openFile() throws(ForgeError) -> OpenFile {
        try withFile { (_) throws(ForgeError) in }
        return try wrapping(
            OpenFile(path: "/proc/self/fd/\(descriptor)", flags: O_RDWR),
            as: { (error: BlockError) in ForgeError(error, writing: path) })
    }

    /// Reads the whole file for its digest, makes it durable and gives it its name.
    package func commit(observe: Progress.Observer) throws(ForgeError) -> WrittenImage {
        let reader = try reader()
        var hasher = SHA256()
        var dataRanges: [Range<Int64>] = []
        for range in reader.pieces {
            try Interruption.check()
            let piece = try BlockError.wrapping(reader.takePiece(range))
            for index in 0..<piece.chunkCount {
                let chunkRange = piece.range(ofChunk: index)
                hasher.update(piece.chunk(index), at: chunkRange)
                guard let chunk = piece.chunk(index) else { continue }
                dataRanges.appendRuns(of: chunk.dataMask, in: chunkRange)
            }
            observe(Progress(stage: .finish, subject: name, done: range.upperBound, total: reader.byteCount))
        }
        let taken = file.withLock { $0.take() }
        switch consume taken {
        case .some(let file): try file.commit()
        case nil: throw ForgeError(.bug, "\(path) was finished twice")
        }
        return WrittenImage(byteCount: reader.byteCount, digest: hasher.finalize(), dataRanges: dataRanges)
    }

    /// Whether the file system that the file lies on has no room left; the loop engine sees that as an I/O
    /// error.
    package var isDiskFull: Bool {
        var found = statvfs()
        return fstatvfs(descriptor, &found) == 0 && UInt64(found.f_bfree) * UInt64(found.f_frsize) < 1 << 20
    }

    /// Removes the file, unless it has its name already.
    package func discard() {
        file.withLock { $0 = nil }
    }

    private func withFile(_ body: (borrowing OutputFile) throws(ForgeError) -> Void) throws(ForgeError) {
        try file.withLock { (file) throws(ForgeError) in
            switch file {
            case .some(let file): try body(file)
            case nil: throw ForgeError(.bug, "\(path) was edited after it was finished")
            }
        }
    }
}
