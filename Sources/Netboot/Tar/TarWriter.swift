import Bases
import Blocks
import Dispatch
import Glibc
import Images
package import Reports
import Synchronization

/// Writes the chunks of one tar in order, behind the back of whoever makes them.
package final class TarWriter: Sendable {
    private let path: String
    private let compressor: ChunkCompressor
    private let queue: DispatchQueue
    private let state: Mutex<State>
    private let failed = Atomic<Bool>(false)

    private struct State: ~Copyable {
        /// Nil when only the digest is wanted, and at the end.
        var file: OutputFile?
        /// Where the tar goes instead, a pipe that does not block; nil without one.
        var pipe: Int32?
        /// Hashes what is not packed; a packed file's writer hashes it itself.
        var hasher: SHA256?
        var packed: PackedWriter?
        var byteCount: Int64 = 0
        var failure: ForgeError?
    }

    /// A tar at `path`, packed as `compressor` packs.
    package init(path: String, mode: UInt32, replacing: Bool, compressor: ChunkCompressor) throws(ForgeError) {
        self.path = path
        self.compressor = compressor
        queue = DispatchQueue(label: "tar")
        let output = try OutputFile(path: path, mode: mode, replacing: replacing)
        guard let packer = compressor.packer else {
            state = Mutex(State(file: output, hasher: SHA256()))
            return
        }
        let file = try BlockError.wrapping(OpenFile(duplicating: output.descriptor, path: path))
        state = Mutex(State(file: output, packed: PackedWriter(packer.format, to: file)))
    }

    /// A tar that goes into a pipe, which does not block and stays the caller's; `name` is said in errors. It is not
    /// packed.
    package init(to pipe: Int32, named name: String, compressor: ChunkCompressor) {
        path = name
        self.compressor = compressor
        queue = DispatchQueue(label: "tar pipe")
        state = Mutex(State(pipe: pipe, hasher: SHA256()))
    }

    /// No file: the tar is only hashed.
    init(hashing compressor: ChunkCompressor) {
        path = ""
        self.compressor = compressor
        queue = DispatchQueue(label: "tar digest")
        state = Mutex(State(hasher: SHA256()))
    }

    var hasFailed: Bool { failed.load(ordering: .relaxed) }

    /// Takes the next chunk; waits while too many are on their way.
    func append(_ chunk: [UInt8]) {
        guard !hasFailed else { return }
        let job = compressor.take(chunk)
        queue.async { [self] in
            defer { compressor.didWrite() }
            guard !hasFailed else { return }
            do throws(ForgeError) {
                try Interruption.check()
                try write(job)
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
                failed.store(true, ordering: .relaxed)
            }
        }
    }

    private func write(_ job: ChunkCompressor.Job) throws(ForgeError) {
        if compressor.packer != nil {
            try wrapping(as: { ForgeError($0, writing: path) }) { () throws(PackingError) in
                let piece = try job.piece()
                try state.withLock { (state) throws(PackingError) in try state.packed?.append(piece) }
            }
            return
        }
        let bytes = job.bytes
        try state.withLock { (state) throws(ForgeError) in
            state.hasher?.update(bytes.span.bytes)
            if let pipe = state.pipe { try send(bytes, to: pipe) }
            try state.file?.write(bytes.span.bytes, at: state.byteCount)
            state.file?.startWriteback(state.byteCount..<state.byteCount + Int64(bytes.count))
            state.byteCount += Int64(bytes.count)
        }
    }

    private func send(_ bytes: [UInt8], to pipe: Int32) throws(ForgeError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try Interruption.check()
            guard !hasFailed else { return }
            let count = rest.withUnsafeBytes { Glibc.write(pipe, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) }
            guard count < 0, errno != EINTR else { continue }
            guard errno == EAGAIN else { throw ForgeError.writing(path, errno: errno) }
            var waiting = pollfd(fd: pipe, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, 100)
        }
    }

    /// Ends the work and removes what lies under the partial name; nothing after `finish`.
    func discard() {
        failed.store(true, ordering: .relaxed)
        // Chunks on their way hold this object, and with it the file.
        queue.sync {}
        state.withLock { $0.file = nil }
    }

    /// Waits for all chunks and gives the file its name; what failed is removed.
    func finish(entryCount: Int) throws(ForgeError) -> WrittenTree {
        queue.sync {}
        return try state.withLock { (state) throws(ForgeError) in
            let file = state.file.take()
            let packed = state.packed.take()
            let hasher = state.hasher.take()
            if let failure = state.failure { throw failure }
            try Interruption.check()
            let tree: WrittenTree
            if let packed {
                let outcome: PackedWriter.Outcome
                do throws(PackingError) { outcome = try packed.finish() } catch {
                    throw ForgeError(error, writing: path)
                }
                tree = WrittenTree(byteCount: outcome.byteCount, digest: outcome.digest, entryCount: entryCount)
            } else if let hasher {
                tree = WrittenTree(byteCount: state.byteCount, digest: hasher.finalize(), entryCount: entryCount)
            } else {
                throw ForgeError(.bug, "\(path) was finished twice")
            }
            if let file { try file.commit() }
            return tree
        }
    }
}
