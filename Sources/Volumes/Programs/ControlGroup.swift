import Blocks
import Glibc
import Synchronization

/// Control groups of the kernel's that bound the memory and the number of all processes in them together.
///
/// Version 2 where its controllers are enabled, else version 1; see cgroups(7). They are removed with this object, or,
/// after SIGKILL, by the next one.
struct ControlGroup: ~Copyable {
    /// Open `cgroup.procs` files: a process that writes 0 to all of them is in. None where no group can be made.
    private(set) var members: [Int32] = []
    private var folders: [String] = []

    private static let counter = Atomic<Int>(0)
    private static let prefix = "piforge-"

    /// `memory`: bytes.
    init(memory: UInt64, processes: UInt64) {
        let found = ControlGroupFolders(
            mounts: Self.text("/proc/self/mountinfo"), membership: Self.text("/proc/self/cgroup"))
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        let name = "\(Self.prefix)\(getpid())-\(number)"
        let all = [("memory.max", memory), ("pids.max", processes)]
        if make(name, in: found.unified, all, optional: [("memory.swap.max", 0), ("memory.oom.group", 1)]) { return }
        _ = make(name, in: found.memory, [("memory.limit_in_bytes", memory)])
        _ = make(name, in: found.pids, [("pids.max", processes)])
    }

    /// Makes a group in the first of `parents` that has all files of `limits`.
    private mutating func make(
        _ name: String, in parents: [String], _ limits: [(String, UInt64)], optional: [(String, UInt64)] = []
    ) -> Bool {
        for parent in parents {
            Self.removeLeftovers(in: parent)
            let folder = "\(parent)/\(name)"
            guard mkdir(folder, 0o755) == 0 else { continue }
            if limits.allSatisfy({ Self.write($1, to: "\(folder)/\($0)") }) {
                for (file, value) in optional { _ = Self.write(value, to: "\(folder)/\(file)") }
                let file = open("\(folder)/cgroup.procs", O_WRONLY | O_CLOEXEC)
                if file >= 0 {
                    members.append(file)
                    folders.append(folder)
                    return true
                }
            }
            rmdir(folder)
        }
        return false
    }

    /// Removes the groups of processes that are gone; the kernel keeps those that have members.
    private static func removeLeftovers(in parent: String) {
        for name in FolderListing.names(in: parent) ?? [] {
            guard name.hasPrefix(prefix), let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }) else {
                continue
            }
            if kill(owner, 0) != 0, errno == ESRCH { rmdir("\(parent)/\(name)") }
        }
    }

    private static func write(_ value: UInt64, to path: String) -> Bool {
        guard let file = Descriptor(open(path, O_WRONLY | O_CLOEXEC)) else { return false }
        let text = Array("\(value)".utf8)
        return Glibc.write(file.number, text, text.count) == text.count
    }

    /// What procfs has, which tells no size; empty when it cannot be read.
    private static func text(_ path: String) -> String {
        guard let file = Descriptor(open(path, O_RDONLY | O_CLOEXEC)) else { return "" }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file.number, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer.prefix(count)
        }
    }

    deinit {
        for member in members { close(member) }
        var pause = timespec(tv_sec: 0, tv_nsec: 5_000_000)
        for folder in folders {
            // The last process has ended, but may take a moment to leave.
            var attempts = 0
            while rmdir(folder) != 0, errno == EBUSY, attempts < 400 {
                nanosleep(&pause, nil)
                attempts += 1
            }
        }
    }
}
