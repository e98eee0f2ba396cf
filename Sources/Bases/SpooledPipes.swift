import Blocks
import Glibc
import Reports
import Synchronization

/// What came out of pipes: each can be read once, and a base is opened more than once.
enum SpooledPipes {
    private struct Key: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private static let files = Mutex<[Key: OpenFile]>([:])

    /// How long the pipe is waited for before a cancellation is looked for, in milliseconds.
    private static let patience: CInt = 200

    static func file(
        of pipe: OpenFile, cache: Cache, progress: (BaseImageProgress) -> Void, isCancelled: () -> Bool
    ) throws(BaseImageError) -> OpenFile {
        let status = try wrapping(pipe.status(), as: BaseImageError.block)
        let key = Key(device: status.device, inode: status.inode)
        if let known = files.withLock({ $0[key] }) { return known }
        let file = try wrapping(as: BaseImageError.block) { () throws(BlockError) in
            let scratch = try cache.scratch()
            defer { withExtendedLifetime(scratch) {} }
            // The name in messages is the pipe's.
            return try OpenFile(duplicating: scratch.descriptor, path: pipe.path)
        }
        try copy(pipe, to: file, progress: progress, isCancelled: isCancelled)
        files.withLock { $0[key] = file }
        return file
    }

    private static func copy(
        _ pipe: OpenFile, to file: OpenFile, progress: (BaseImageProgress) -> Void, isCancelled: () -> Bool
    ) throws(BaseImageError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        defer { buffer.deallocate() }
        var writer = SparseWriter(file: file)
        progress(.receiving)
        while true {
            if isCancelled() { throw .cancelled }
            var request = pollfd(fd: pipe.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, patience) > 0 else { continue }
            let count = read(pipe.descriptor, buffer.baseAddress, buffer.count)
            if count == 0 { break }
            if count > 0 {
                try writer.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if errno != EINTR && errno != EAGAIN {
                throw .block(pipe.failure("read"))
            }
        }
        _ = try writer.finish()
    }
}
