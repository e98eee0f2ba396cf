import Blocks
import CLinux
import Glibc
import Reports
import Synchronization

/// One raw image on its way: a file, the hash so far, and what of it holds data.
final class RawOutput: Sendable {
    let request: ImageRequest
    fileprivate let state: Mutex<State>

    /// How the bytes come into the file.
    enum Role: Sendable {
        /// Written, patched, piece by piece.
        case written
        /// Written without the patch, which follows when all clones are made.
        case cloned
        /// Only hashed, then cloned and patched.
        case clone
    }

    fileprivate struct State: ~Copyable {
        var file: OutputFile?
        /// The descriptor of `file`, as long as there is one.
        let descriptor: Int32
        var hasher: SHA256?
        var role = Role.written
        var byteCount: Int64 = 0
        var dataRanges: [Range<Int64>] = []
        var failure: ForgeError?
    }

    init(_ request: ImageRequest, isHashing: Bool = true) throws(ForgeError) {
        self.request = request
        let file = try OutputFile(path: request.path, mode: request.mode, replacing: request.isReplacing)
        try file.setByteCount(request.patch.byteCount)
        let descriptor = file.descriptor
        state = Mutex(State(file: consume file, descriptor: descriptor, hasher: isHashing ? SHA256() : nil))
    }

    var role: Role { state.withLock { $0.role } }
    func setRole(_ role: Role) { state.withLock { $0.role = role } }
    var isDiscarded: Bool { state.withLock { $0.file == nil } }
    /// Whether it was given up before it had all pieces.
    var isCutShort: Bool { state.withLock { $0.file == nil && $0.byteCount < request.patch.byteCount } }

    /// Takes the next piece of the base and returns how many bytes of the image are done.
    func take(_ piece: SparseBytes) throws(ForgeError) -> Int64 {
        try Interruption.check()
        return try state.withLock { (state) throws(ForgeError) in
            for index in 0..<piece.chunkCount {
                try Self.take(
                    piece.chunk(index), at: piece.range(ofChunk: index), patch: request.patch, path: request.path,
                    into: &state)
            }
            if state.role != .clone, !piece.isZero {
                OutputFile.startWriteback(piece.range, of: state.descriptor)
            }
            state.byteCount = piece.range.upperBound
            return state.byteCount
        }
    }

    private static func take(
        _ chunk: SparseBytes.Chunk?, at chunkRange: Range<Int64>, patch: Patch, path: String, into state: inout State
    ) throws(ForgeError) {
        if state.role == .cloned, let chunk {
            try store(chunk.bytes.span.bytes, mask: chunk.dataMask, at: chunkRange, path: path, to: state.descriptor)
        }
        let changed = try BlockError.wrapping(patch.changing(chunk, at: chunkRange))
        state.hasher?.update(changed, at: chunkRange)
        guard let changed else { return }
        state.dataRanges.appendRuns(of: changed.dataMask, in: chunkRange)
        if state.role == .written {
            try store(
                changed.bytes.span.bytes, mask: changed.dataMask, at: chunkRange, path: path, to: state.descriptor)
        }
    }

    /// Writes the runs of granules that hold something; the rest of the file is a hole.
    private static func store(
        _ bytes: RawSpan, mask: UInt16, at chunkRange: Range<Int64>, path: String, to descriptor: Int32
    ) throws(ForgeError) {
        for run in SparseBytes.runs(of: mask, in: chunkRange) {
            let part = Int(run.lowerBound - chunkRange.lowerBound)..<Int(run.upperBound - chunkRange.lowerBound)
            try OutputFile.write(bytes.extracting(part), at: run.lowerBound, to: descriptor, path: path)
        }
    }
}

extension RawOutput {
    /// Makes the file a clone of another's and lays the patch over it.
    func clone(from source: RawOutput) {
        // The first image is the last to be closed, unless it failed, and then its base is not whole either.
        guard !source.isDiscarded else {
            fail(ForgeError.writing(request.path, errno: EIO))
            return
        }
        let descriptor = source.state.withLock { $0.descriptor }
        let code = state.withLock { Self.clone(descriptor, to: $0.descriptor) ? 0 : errno }
        if code != 0 { fail(ForgeError.writing(request.path, errno: code)) }
    }

    /// Makes the file durable, under its name; the caller discards the output afterwards.
    func finish() throws(ForgeError) -> WrittenImage {
        let file = try completed()
        try file.commit()
        return try state.withLock { (state) throws(ForgeError) in
            guard let hasher = state.hasher.take() else {
                throw ForgeError(.bug, "\(request.path) was finished without a digest")
            }
            return WrittenImage(
                byteCount: request.patch.byteCount, digest: hasher.finalize(), dataRanges: state.dataRanges)
        }
    }

    /// The file with all its bytes, still under its partial name; the caller owns it.
    func completed() throws(ForgeError) -> OutputFile {
        try Interruption.check()
        return try state.withLock { (state) throws(ForgeError) in
            if let failure = state.failure { throw failure }
            guard let file = state.file.take() else { throw ForgeError(.bug, "\(request.path) was finished twice") }
            if state.role != .written {
                try Self.write(request.patch, to: file)
            }
            return file
        }
    }

    private static func write(_ patch: Patch, to file: borrowing OutputFile) throws(ForgeError) {
        var failure: ForgeError?
        do throws(BlockError) {
            try patch.forEachGranule(in: 0..<patch.byteCount) { (offset, bytes) throws(BlockError) in
                guard failure == nil else { return }
                do throws(ForgeError) { try file.write(bytes, at: offset) } catch { failure = error }
            }
        } catch {
            throw ForgeError(error)
        }
        if let failure { throw failure }
    }

    private func fail(_ error: ForgeError) {
        state.withLock { $0.failure = error }
    }

    /// Closes and removes what is not finished.
    func discard() {
        state.withLock { state in
            state.file = nil
            state.hasher = nil
            state.dataRanges = []
        }
    }

    /// Makes the file a clone of another one, where the file system can; the patch follows in `completed`.
    func clone(fromDescriptor source: Int32) -> Bool {
        state.withLock { Self.clone(source, to: $0.descriptor) }
    }

    /// Whether the file system of both, still empty, outputs clones files.
    static func canClone(from source: RawOutput, to target: RawOutput) -> Bool {
        clone(source.state.withLock { $0.descriptor }, to: target.state.withLock { $0.descriptor })
    }

    private static func clone(_ source: Int32, to target: Int32) -> Bool {
        ioctl(target, CLINUX_FICLONE, source) == 0
    }
}
