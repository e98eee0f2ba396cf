import Glibc
import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a flag that long work asks for, so that clean-up runs on every path.
package enum Interruption {
    private static let received = Atomic<Int32>(0)

    /// Starts to listen; a second signal ends the process at once.
    package static func listen() {
        // Touched before a handler can run: the first use of a Swift global is not safe inside one.
        received.store(0, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                let (isFirst, _) = Interruption.received.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                if !isFirst { _exit(128 + number) }
            }
        }
        signal(SIGPIPE, SIG_IGN)
    }

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// The number of the signal that came, 0 when none did.
    package static var signalNumber: Int32 { received.load(ordering: .relaxed) }

    package static func check() throws(ForgeError) {
        if isRequested { throw .interruption }
    }
}
