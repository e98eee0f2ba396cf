package import Trees

/// Where in an image an edit works.
package struct Target: Hashable, Sendable {
    package var partition: Partition
    package var path: VolumePath

    package enum Partition: String, Hashable, Sendable, CaseIterable, Comparable {
        /// The FAT partition that the firmware reads.
        case boot
        /// The ext4 partition with the system.
        case root

        package static func < (a: Self, b: Self) -> Bool { a == .boot && b == .root }
    }

    package init(_ partition: Partition, _ path: VolumePath) {
        self.partition = partition
        self.path = path
    }

    static func boot(_ path: VolumePath) -> Target { Target(.boot, path) }
    static func root(_ path: VolumePath) -> Target { Target(.root, path) }
}

extension Target: CustomStringConvertible {
    /// `boot:/cmdline.txt`, `root:/etc/hostname`.
    package var description: String { "\(partition.rawValue):\(path)" }
}

extension Target: Comparable {
    package static func < (a: Target, b: Target) -> Bool {
        a.partition == b.partition ? a.path < b.path : a.partition < b.partition
    }
}

/// One idempotent change of one file: `wanted(old)` is what must be there, and `wanted(wanted(old)) == wanted(old)`.
package struct Edit: Equatable, Sendable {
    package var target: Target
    package var action: Action
    /// Why, in a few words for `plan`: "hostname tealc", "container engines need the memory cgroup".
    package var reason: String
    /// The bytes are a secret: `plan` and the manifest show that they change, not what they are.
    package var isSecret: Bool

    package enum Action: Equatable, Sendable {
        /// Exactly this. Extended attributes of the replaced file are kept, except access lists and, where the bytes
        /// differ, capabilities. When only `modified` differs the old file stays.
        case put(FileNode)
        /// A folder that must exist; one that does is left as it is.
        case ensureDirectory(FileNode.Metadata)
        /// Nothing may be there; a folder is an error.
        case remove
        /// A folder that the other edits leave empty is not there either.
        case removeFolder
        /// The file's text after all rules; `missing` is the metadata of a file that is made when there is none,
        /// nil when a missing file is an error.
        case rewrite([TextRule], missing: FileNode.Metadata?)

        /// Whether it is about a folder itself, of which facts need know nothing.
        var isForFolder: Bool {
            switch self {
            case .ensureDirectory, .removeFolder: true
            case .put, .remove, .rewrite: false
            }
        }
    }

    package init(_ target: Target, _ action: Action, reason: String, isSecret: Bool = false) {
        self.target = target
        self.action = action
        self.reason = reason
        self.isSecret = isSecret
    }
}

/// Everything that shall change in one slot's image: at most one edit a target, in the order of application.
package struct EditPlan: Equatable, Sendable {
    package var slot: Slot
    package var medium: Planner.Medium
    package var edits: [Edit]
    /// The time that changed nodes get, seconds since 1970-01-01 UTC.
    package var modified: Int64
    /// Things the user should know that are no errors.
    package var warnings: [String]

    package init(
        slot: Slot, medium: Planner.Medium = .card, edits: [Edit], modified: Int64, warnings: [String] = []
    ) {
        self.slot = slot
        self.medium = medium
        self.edits = edits
        self.modified = modified
        self.warnings = warnings
    }

    /// Adds an edit that no planner decides; throws `conflict` when another edit has its target.
    package mutating func add(_ edit: Edit) throws(PlanError) {
        var draft = PlanDraft()
        for known in edits + [edit] { try draft.add(known) }
        edits = try draft.sorted()
    }
}
