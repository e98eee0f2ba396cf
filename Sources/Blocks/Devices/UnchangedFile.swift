import Glibc

/// A file that others may change while it is read, with what it was like when it was opened.
package struct UnchangedFile: Sendable {
    package let file: OpenFile
    package let status: OpenFile.Status

    /// A change within a tick of the kernel's clock leaves no trace in a file's times: one that was changed so lately, in
    /// microseconds, is waited for.
    private static let tick: Int64 = 20_000

    /// Takes what the file is like now.
    package init(_ file: OpenFile) throws(BlockError) {
        self.file = file
        if Self.age(of: try file.status()) < Self.tick { usleep(UInt32(Self.tick)) }
        status = try file.status()
    }

    /// Microseconds since the file was changed, by the clock that file systems use; one from the future is new.
    private static func age(of status: OpenFile.Status) -> Int64 {
        var now = timespec()
        // CLOCK_REALTIME_COARSE of linux/time.h, which glibc's headers hide behind _GNU_SOURCE.
        guard clock_gettime(5, &now) == 0 else { return 0 }
        let (seconds, overflow) = Int64(now.tv_sec).subtractingReportingOverflow(status.changed.seconds)
        guard !overflow, seconds >= 0 else { return 0 }
        guard seconds < 1_000_000 else { return .max }
        return seconds * 1_000_000 + (Int64(now.tv_nsec) - status.changed.nanoseconds) / 1000
    }

    /// Throws `changed` when the file is no longer what it was; a disk has no times that tell.
    package func check() throws(BlockError) {
        guard try file.status() == status else { throw .changed(path: file.path) }
    }
}
