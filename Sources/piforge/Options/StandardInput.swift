import Glibc
import Reports

/// What a person types.
enum StandardInput {
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// The next line without its end, empty at the end of input; nil when it is no UTF-8. An interruption ends the wait.
    static func line() throws(ForgeError) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < 4096 {
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            while poll(&waiting, 1, 100) == 0 { try Interruption.check() }
            let count = read(STDIN_FILENO, &byte, 1)
            try Interruption.check()
            if count < 0 && errno == EINTR { continue }
            guard count > 0, byte != 0x0A else { break }
            bytes.append(byte)
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        return String(validating: bytes, as: UTF8.self)
    }
}
