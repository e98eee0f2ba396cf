import Glibc
import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a flag that long work asks for, so that clean-up runs on every path.
package enum Interruption {
    private static let received = Atomic<Int32>(0)
    /// When the first signal came, in seconds of the monotonic clock.
    private static let receivedAt = Atomic<Int>(0)

    /// Starts to listen; another signal a second or more after the first ends the process at once.
    ///
    /// Not earlier, as a wrapper such as timeout(1) sends one to the process and again to its group.
    package static func listen() {
        // Touched before a handler can run: the first use of a Swift global is not safe inside one.
        received.store(0, ordering: .relaxed)
        receivedAt.store(0, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                let (isFirst, _) = Interruption.received.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                var now = timespec()
                clock_gettime(CLOCK_MONOTONIC, &now)
                if isFirst {
                    Interruption.receivedAt.store(now.tv_sec, ordering: .relaxed)
                } else if now.tv_sec > Interruption.receivedAt.load(ordering: .relaxed) + 1 {
                    _exit(128 + number)
                }
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
