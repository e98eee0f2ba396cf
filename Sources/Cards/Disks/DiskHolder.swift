import Blocks
import Glibc
import Images
package import Reports

/// A process that has a disk or one of its partitions open, as far as this one may see that (proc_pid_fd(5)).
package struct DiskHolder: Equatable, Sendable, CustomStringConvertible {
    var process: Int32
    /// The first 15 bytes of its name, which it chooses itself.
    var program: String

    package var description: String { "\(program) (process \(process))" }

    /// Throws when a process keeps the disk open, or one of its partitions. udev and others look at a disk for a moment
    /// whenever something about it changes: they are waited for.
    package static func checkNone(of disk: Disk, at path: String) throws(ForgeError) {
        var found = all(of: disk)
        for _ in 0..<lookCount where !found.isEmpty {
            usleep(lookPause)
            let now = all(of: disk)
            found.removeAll { !now.contains($0) }
        }
        if !found.isEmpty { throw .held(path, by: found) }
    }

    /// Together two seconds.
    private static let lookCount = 20
    private static let lookPause: UInt32 = 100_000

    /// All but this process, in the order of their numbers.
    static func all(of disk: Disk) -> [DiskHolder] {
        let nodes = KernelBlockDevice.all(in: SystemTree(root: ""))
        return all(of: Set(nodes.filter { $0.parent == disk.name }.map(\.number)).union([disk.number]))
    }

    private static func all(of numbers: Set<DeviceNumber>) -> [DiskHolder] {
        let own = getpid()
        let tree = SystemTree(root: "")
        return (FolderListing.names(in: "/proc") ?? []).compactMap { Int32($0) }.sorted().filter { process in
            process != own && holds(process, numbers)
        }.map { DiskHolder(process: $0, program: tree.text("/proc/\($0)/comm") ?? "a program") }
    }

    private static func holds(_ process: Int32, _ numbers: Set<DeviceNumber>) -> Bool {
        let folder = "/proc/\(process)/fd"
        return (FolderListing.names(in: folder) ?? []).contains { name in
            var start = [CChar](repeating: 0, count: 5)
            // A file of a server that is gone would make stat(2) wait for ever.
            guard readlink("\(folder)/\(name)", &start, start.count) == start.count,
                start.map(UInt8.init(bitPattern:)).elementsEqual("/dev/".utf8)
            else { return false }
            var status = stat()
            return stat("\(folder)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
                && numbers.contains(DeviceNumber(status.st_rdev))
        }
    }
}

extension ForgeError {
    static func held(_ path: String, by holders: [DiskHolder]) -> ForgeError {
        let names = holders.prefix(3).map(\.description).joined(separator: ", ")
        let more = holders.count > 3 ? " and \(holders.count - 3) more" : ""
        return ForgeError(
            .cannotCreate,
            "could not write \(path): another program uses it" + (names.isEmpty ? "" : ": \(names)\(more)"),
            hint: names.isEmpty
                ? "close what uses it; sudo fuser -v \(quoted(path)) may tell what that is"
                : "close it, or wait until it has ended")
    }
}
