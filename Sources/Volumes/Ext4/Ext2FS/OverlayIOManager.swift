import Blocks

@preconcurrency internal import CExt2FS

/// One volume's way from libext2fs to its block device: what the C callbacks find behind `private_data`.
///
/// A session belongs to one volume and is used by one task at a time; nothing of it is shared.
final class BlockSession {
    let device: any BlockDevice
    /// Bytes of a block, as libext2fs last set it.
    var blockSize: Int64 = 1024
    /// Why the device failed since this was last taken; libext2fs passes on a number only, and not always that.
    private(set) var failure: BlockError?
    /// While set, a write that would change nothing is not made. (Flushing rewrites every group's bitmaps.)
    var skipsUnchanged = false

    init(device: any BlockDevice) { self.device = device }

    /// The device's error since the last call, which is forgotten.
    func takeFailure() -> BlockError? {
        defer { failure = nil }
        return failure
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> errcode_t {
        guard isInside(offset, buffer.count) else { return Self.shortRead }
        do {
            var span = buffer.mutableBytes
            try device.read(into: &span, at: offset)
            return 0
        } catch { return keep(error) }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) -> errcode_t {
        guard isInside(offset, buffer.count) else { return Self.shortWrite }
        do {
            if skipsUnchanged, try device.bytes(at: offset, count: buffer.count).elementsEqual(buffer) { return 0 }
            try device.write(buffer.bytes, at: offset)
            return 0
        } catch { return keep(error) }
    }

    /// Stores bytes of a reader, which a device may leave where they are.
    func place(_ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64) -> errcode_t {
        guard let length = Int(exactly: count), isInside(offset, length) else { return Self.shortWrite }
        do {
            try device.place(reader, from: start, count: count, at: offset)
            return 0
        } catch { return keep(error) }
    }

    /// Writes zeros. Never reports an error to libext2fs, whose fallback is a buffer shared by all threads
    /// (lib/ext2fs/mkjournal.c, ext2fs_zero_blocks2); the failure is kept and found after the call.
    func writeZeros(at offset: Int64, count: Int64) {
        let piece: Int64 = 1 << 20
        let zeros = [UInt8](repeating: 0, count: Int(min(max(count, 0), piece)))
        var done: Int64 = 0
        while done < count, failure == nil {
            let length = min(piece, count - done)
            let status = zeros.withUnsafeBytes { bytes in
                write(UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(length))), at: offset + done)
            }
            guard status == 0 else {
                if failure == nil {
                    _ = keep(.outOfBounds(offset: offset, count: Int(length), size: device.byteCount))
                }
                return
            }
            done += length
        }
    }

    /// The byte range of `count` blocks at `block`, or of `-count` bytes when negative; nil when not representable.
    func range(block: UInt64, count: Int64) -> (offset: Int64, count: Int64)? {
        guard let block = Int64(exactly: block) else { return nil }
        let (offset, overflow) = block.multipliedReportingOverflow(by: blockSize)
        let (bytes, overflow2) = count < 0 ? (-count, false) : count.multipliedReportingOverflow(by: blockSize)
        return overflow || overflow2 ? nil : (offset, bytes)
    }

    private func isInside(_ offset: Int64, _ count: Int) -> Bool {
        offset >= 0 && Int64(count) <= device.byteCount && offset <= device.byteCount - Int64(count)
    }

    private func keep(_ error: BlockError) -> errcode_t {
        if failure == nil { failure = error }
        return Self.ioError
    }

    static let shortRead = errcode_t(EXT2_ET_SHORT_READ)
    static let shortWrite = errcode_t(EXT2_ET_SHORT_WRITE)
    static let ioError: errcode_t = 5  // EIO
}

/// The `io_manager` through which libext2fs reads and writes a `BlockSession` (e2fsprogs: lib/ext2fs/ext2_io.h).
enum OverlayIOManager {
    /// The vtable: made once, on the heap because C keeps the pointer, and never changed afterwards, which is
    /// why any thread may read it.
    nonisolated(unsafe) static let vtable: io_manager = {
        let manager = io_manager.allocate(capacity: 1)
        manager.initialize(to: struct_io_manager())
        manager.pointee.magic = errcode_t(EXT2_ET_MAGIC_IO_MANAGER)
        manager.pointee.name = UnsafePointer(name)
        manager.pointee.open = { open(name: $0, result: $2) }
        manager.pointee.close = { close($0) }
        manager.pointee.set_blksize = { channel, size in
            guard let channel, size > 0 else { return BlockSession.ioError }
            channel.pointee.block_size = size
            return withSession(channel) { session in
                session.blockSize = Int64(size)
                return 0
            }
        }
        manager.pointee.read_blk = { read($0, UInt64($1), $2, $3) }
        manager.pointee.read_blk64 = { read($0, $1, $2, $3) }
        manager.pointee.write_blk = { write($0, UInt64($1), $2, $3) }
        manager.pointee.write_blk64 = { write($0, $1, $2, $3) }
        manager.pointee.write_byte = { channel, offset, count, data in
            withSession(channel) { session in
                guard let data, count >= 0, let offset = Int64(exactly: offset) else { return BlockSession.ioError }
                return session.write(UnsafeRawBufferPointer(start: data, count: Int(count)), at: offset)
            }
        }
        manager.pointee.flush = { _ in 0 }
        manager.pointee.discard = { _, _, _ in errcode_t(EXT2_ET_UNIMPLEMENTED) }
        manager.pointee.cache_readahead = { _, _, _ in 0 }
        manager.pointee.zeroout = { channel, block, count in
            withSession(channel) { session in
                guard let count = Int64(exactly: count), let range = session.range(block: block, count: count) else {
                    return BlockSession.shortWrite
                }
                session.writeZeros(at: range.offset, count: range.count)
                return 0
            }
        }
        return manager
    }()

    /// The name under which `open` finds `session`, good while the session lives: C passes nothing but a name, so the
    /// name is the session's address.
    static func name(of session: BlockSession) -> String {
        String(UInt(bitPattern: Unmanaged.passUnretained(session).toOpaque()), radix: 16)
    }

    /// The vtable's name; lives as long as it.
    nonisolated(unsafe) private static let name: UnsafeMutablePointer<CChar> = {
        let text = Array("piforge".utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
        copy.initialize(from: text, count: text.count)
        return copy
    }()

    private static func open(name: UnsafePointer<CChar>?, result: UnsafeMutablePointer<io_channel?>?) -> errcode_t {
        guard let name, let result, let address = UInt(String(cString: name), radix: 16),
            let session = UnsafeMutableRawPointer(bitPattern: address)
        else { return errcode_t(EXT2_ET_BAD_DEVICE_NAME) }
        let channel = io_channel.allocate(capacity: 1)
        channel.initialize(to: struct_io_channel())
        channel.pointee.magic = errcode_t(EXT2_ET_MAGIC_IO_CHANNEL)
        channel.pointee.manager = vtable
        channel.pointee.block_size = 1024
        channel.pointee.refcount = 1
        // The channel owns a reference until `close`.
        channel.pointee.private_data = Unmanaged<BlockSession>.fromOpaque(session).retain().toOpaque()
        result.pointee = channel
        return 0
    }

    private static func close(_ channel: io_channel?) -> errcode_t {
        guard let channel else { return BlockSession.ioError }
        channel.pointee.refcount -= 1
        guard channel.pointee.refcount <= 0 else { return 0 }
        if let session = channel.pointee.private_data { Unmanaged<BlockSession>.fromOpaque(session).release() }
        channel.deinitialize(count: 1)
        channel.deallocate()
        return 0
    }

    private static func read(
        _ channel: io_channel?, _ block: UInt64, _ count: CInt, _ data: UnsafeMutableRawPointer?
    ) -> errcode_t {
        withSession(channel) { session in
            guard let data, let range = session.range(block: block, count: Int64(count)) else {
                return BlockSession.shortRead
            }
            return session.read(
                into: UnsafeMutableRawBufferPointer(start: data, count: Int(range.count)), at: range.offset)
        }
    }

    private static func write(
        _ channel: io_channel?, _ block: UInt64, _ count: CInt, _ data: UnsafeRawPointer?
    ) -> errcode_t {
        withSession(channel) { session in
            guard let data, let range = session.range(block: block, count: Int64(count)) else {
                return BlockSession.shortWrite
            }
            return session.write(UnsafeRawBufferPointer(start: data, count: Int(range.count)), at: range.offset)
        }
    }

    private static func withSession(_ channel: io_channel?, _ body: (BlockSession) -> errcode_t) -> errcode_t {
        guard let data = channel?.pointee.private_data else { return BlockSession.ioError }
        return body(Unmanaged<BlockSession>.fromOpaque(data).takeUnretainedValue())
    }
}
