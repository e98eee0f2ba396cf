/// Where control groups can be made, as two files of procfs have it.
struct ControlGroupFolders: Equatable {
    /// Of version 2, which has all controllers in one place.
    var unified: [String] = []
    /// Of version 1, by controller.
    var memory: [String] = []
    var pids: [String] = []

    /// `mounts`: /proc/self/mountinfo; `membership`: /proc/self/cgroup. Each list begins with the process's own group
    /// and goes up to the mount.
    init(mounts: String, membership: String) {
        var own: [Substring: Substring] = [:]
        for line in membership.split(separator: "\n") {
            // "4:memory:/path", of version 2 "0::/path".
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                own[controller] = fields[2]
            }
        }
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count == dash + 4 else { continue }
            let (root, place) = (fields[3], fields[4])
            switch fields[dash + 1] {
            case "cgroup2": unified = Self.upward(from: own[""] ?? "/", root: root, place: place)
            case "cgroup":
                let options = fields[dash + 3].split(separator: ",")
                if options.contains("memory") {
                    memory = Self.upward(from: own["memory"] ?? "/", root: root, place: place)
                }
                if options.contains("pids") {
                    pids = Self.upward(from: own["pids"] ?? "/", root: root, place: place)
                }
            default: break
            }
        }
    }

    /// `root`: the group that is mounted at `place`.
    private static func upward(from group: Substring, root: Substring, place: Substring) -> [String] {
        let above = root.split(separator: "/")
        var parts = group.split(separator: "/")
        parts = parts.starts(with: above) ? Array(parts.dropFirst(above.count)) : []
        return (0...parts.count).reversed().map { count in
            ([place] + parts.prefix(count)).joined(separator: "/")
        }
    }
}
