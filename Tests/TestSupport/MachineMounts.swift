import Foundation

/// What is mounted on the machine, without what other tests, which run at the same time, have mounted in their folders.
package enum MachineMounts {
    /// Lines of /proc/self/mountinfo (proc(5)).
    ///
    /// - Parameter folder: the folder of the test that asks; mounts below it count.
    package static func lines(including folder: String) throws -> [Substring] {
        try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n").filter {
            $0.contains(folder) || !$0.contains(TemporaryFolder.prefix)
        }
    }
}
