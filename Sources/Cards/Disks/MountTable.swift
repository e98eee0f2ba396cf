import Images

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

    static func mounts(_ bytes: [UInt8]) -> [Mount] {
        MountInfo.parse(bytes).compactMap { info in
            DeviceNumber(info.device).map { Mount(number: $0, point: info.point, source: info.source) }
        }
    }

    /// Parses /proc/swaps: a line of titles, then one for each, which begins with its path.
    static func swaps(_ bytes: [UInt8]) -> [String] {
        lines(bytes).dropFirst().compactMap { line in
            line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).first.map { MountInfo.unescaped($0) }
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
}
