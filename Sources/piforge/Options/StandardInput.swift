import Glibc
import Reports

/// What a person types.
enum StandardInput {
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// The next line without its end, empty at the end of input; nil when it is no UTF-8. An interruption ends the wait.
    static func line() throws(ForgeError) -> String? { String(validating: try lineBytes() ?? [], as: UTF8.self) }

    /// The bytes of the next line without its end; nil at the end of input.
    static func lineBytes() throws(ForgeError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < 4096 {
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            // A signal ends poll(2), and read(2) would wait on: nothing is read before there is something.
            while poll(&waiting, 1, 100) <= 0 { try Interruption.check() }
            let count = read(STDIN_FILENO, &byte, 1)
            try Interruption.check()
            if count < 0 && errno == EINTR { continue }
            if count <= 0, bytes.isEmpty { return nil }
            guard count > 0, byte != 0x0A else { break }
            bytes.append(byte)
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        return bytes
    }
}
