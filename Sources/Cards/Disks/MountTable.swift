/// What is mounted and what is swapped to, from the tables of procfs.
struct MountTable: Equatable, Sendable {
    struct Mount: Equatable, Sendable {
        /// The device's number; one of its own, with major 0, for file systems on several devices and on none.
        var number: DeviceNumber
        var point: String
        /// What the mounter named: a device, or anything.
        var source: String
    }

    var mounts: [Mount]
    /// Devices and files that are swapped to.
    var swaps: [String]

    /// Our own view and, where we may see it, that of the first process: a container hides the host's mounts.
    init(_ tree: SystemTree) {
        var mounts: [Mount] = []
        for path in ["/proc/self/mountinfo", "/proc/1/mountinfo"] {
            for mount in Self.mounts(tree.bytes(path) ?? []) where !mounts.contains(mount) { mounts.append(mount) }
        }
        self.mounts = mounts
        swaps = Self.swaps(tree.bytes("/proc/swaps") ?? [])
    }

    /// Parses mountinfo (proc_pid_mountinfo(5)): after six fields come any number of optional ones, then a dash.
    static func mounts(_ bytes: [UInt8]) -> [Mount] {
        lines(bytes).compactMap { line in
            let fields = line.split(separator: 0x20)
            guard fields.count >= 10, let number = DeviceNumber(String(decoding: fields[2], as: UTF8.self)),
                let dash = fields.dropFirst(6).firstIndex(where: { $0.elementsEqual([0x2D]) }), dash + 2 < fields.count
            else { return nil }
            return Mount(number: number, point: unescaped(fields[4]), source: unescaped(fields[dash + 2]))
        }
    }

    /// Parses /proc/swaps: a line of titles, then one for each, which begins with its path.
    static func swaps(_ bytes: [UInt8]) -> [String] {
        lines(bytes).dropFirst().compactMap { line in
            line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).first.map { unescaped($0) }
        }
    }

    /// The mount that the file at an absolute path lies on: the last of those with the longest point.
    func mount(holding path: String) -> Mount? {
        var found: Mount?
        for mount in mounts {
            let prefix = mount.point == "/" ? "/" : mount.point + "/"
            guard path == mount.point || path.hasPrefix(prefix) else { continue }
            if mount.point.utf8.count >= found?.point.utf8.count ?? 0 { found = mount }
        }
        return found
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.split(separator: 0x0A) }

    /// Blanks, tabs, line ends and backslashes stand there as `\040` and the like.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 0x5C, digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(digits.reduce(UInt8(0)) { $0 &* 8 &+ ($1 - 0x30) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
