import Glibc
import Synchronization

/// Turns SIGINT, SIGTERM and SIGHUP into a flag that long work asks for, so that clean-up runs on every path.
package enum Interruption {
    private static let received = Atomic<Int32>(0)
    /// When the first signal came, in milliseconds of the monotonic clock.
    private static let receivedAt = Atomic<Int>(0)

    /// Starts to listen; another signal ends the process at once, unless it comes with the first.
    ///
    /// A wrapper such as timeout(1) sends one to the process and again to its group.
    package static func listen() {
        // Touched before a handler can run: the first use of a Swift global is not safe inside one.
        received.store(0, ordering: .relaxed)
        receivedAt.store(0, ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                let now = time.tv_sec * 1000 + time.tv_nsec / 1_000_000
                let (_, first) = Interruption.receivedAt.compareExchange(expected: 0, desired: now, ordering: .relaxed)
                let (isFirst, _) = Interruption.received.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                if !isFirst, now - first > Interruption.togetherness { _exit(128 + number) }
            }
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// Milliseconds within which two signals are taken for one.
    private static let togetherness = 200

    package static var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

    /// The number of the signal that came, 0 when none did.
    package static var signalNumber: Int32 { received.load(ordering: .relaxed) }

    package static func check() throws(ForgeError) {
        if isRequested { throw .interruption }
    }
}
