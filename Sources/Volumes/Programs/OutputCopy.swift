import Blocks
import Glibc

/// Takes what a program prints and puts it into a file, of which it can neither read nor fill more than it may.
struct OutputCopy {
    private let source: Int32
    private let target: Int32
    /// Bytes that are still copied.
    private var room: Int
    private var isAtEnd = false
    private var isCut = false
    private var failure: MountError?
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(from source: Int32, to target: Int32, limit: Int) {
        (self.source, self.target, room) = (source, target, limit)
        _ = fcntl(source, F_SETFL, O_NONBLOCK)
    }

    /// Copies what there is, and waits when there is nothing.
    mutating func wait(milliseconds: Int32) {
        if isAtEnd {
            var pause = timespec(tv_sec: 0, tv_nsec: Int(milliseconds) * 1_000_000)
            nanosleep(&pause, nil)
        } else {
            var interest = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
            if poll(&interest, 1, milliseconds) > 0 { takeOnce() }
        }
    }

    /// After the program's end: takes the rest. Throws when something could not be written, of all that came.
    mutating func finish() throws(MountError) {
        while !isAtEnd, takeOnce() {}
        if let failure { throw failure }
    }

    @discardableResult
    private mutating func takeOnce() -> Bool {
        let count = read(source, &buffer, buffer.count)
        if count < 0 { return errno == EINTR }
        guard count > 0 else {
            isAtEnd = true
            return false
        }
        let kept = min(count, room)
        room -= kept
        append(buffer[..<kept])
        if kept < count, !isCut {
            isCut = true
            append(Array("\n[what it printed after this was dropped]\n".utf8)[...])
        }
        return true
    }

    /// The file is opened for appending.
    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        guard failure == nil, !bytes.withUnsafeBytes({ Transfer.write($0, to: target) }) else { return }
        failure = MountError("write", "what a program prints")
    }
}
