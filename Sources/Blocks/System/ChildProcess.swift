package import Glibc

/// What waitpid(2) says of a process that was started here.
package enum ChildProcess {
    /// The exit status, or 128 and the number of the signal that ended it, as a shell reports it: WIFEXITED and
    /// WEXITSTATUS are macros that Swift does not see.
    package static func exitStatus(_ status: CInt) -> Int32 {
        status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    /// Waits until the process has ended, and returns its exit status.
    @discardableResult
    package static func wait(for process: pid_t) -> Int32 {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return exitStatus(status)
    }
}
