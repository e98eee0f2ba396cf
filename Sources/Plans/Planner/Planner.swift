import Reports
import Trees

/// Decides what shall change in an image so that it becomes a slot with the wanted settings. Pure: all it knows of the
/// image are its facts.
package struct Planner {
    let slot: Slot
    let settings: Settings
    /// The files that the profile brings.
    let brought: [Target: Settings.FileCopy]
    let facts: ImageFacts
    /// Seconds since 1970-01-01 UTC; the day of a changed password and the time of changed files.
    let modified: Int64
    let kind: ImageFacts.Kind
    let release: ImageFacts.Release
    let medium: Medium
    /// The image is judged and not made: what it became since is its own.
    let isFinished: Bool
    var draft = PlanDraft()
    private(set) var warnings: [String] = []
    private var warned: Set<String> = []
    /// Units that were turned off, which the presets of a first boot must not turn on again.
    private(set) var unitsOff: Set<String> = []

    /// What a slot's system starts from.
    package enum Medium: String, Sendable {
        case card
        /// Boot files over USB from the controller, root over NFS.
        case netboot
    }

    package static func plan(
        slot: Slot, settings: Settings, facts: ImageFacts, modified: Int64, medium: Medium = .card,
        isFinished: Bool = false
    ) throws(PlanError) -> EditPlan {
        let (kind, release) = try supportedBase(of: facts, for: slot, on: medium)
        var planner = Planner(
            slot: slot, settings: settings, facts: facts, modified: modified, kind: kind, release: release,
            medium: medium, isFinished: isFinished)
        switch (kind, medium) {
        case (.clusterCTRL, .card): try planner.planClusterCTRL()
        case (.clusterCTRL, .netboot): try planner.planNetboot()
        case (.stock, .card): try planner.planStock()
        case (.stock, .netboot): try planner.planStockNetboot()
        }
        try planner.planKernelLine()
        try planner.planFirstBoot()
        for setting in Settings.table { try setting.plan(&planner) }
        try planner.removeEmptyWants()
        try planner.planPresets()
        return try planner.finished()
    }

    /// What the image is and of which release, when the slot's machine can be made of it.
    package static func supportedBase(
        of facts: ImageFacts, for slot: Slot, on medium: Medium = .card
    ) throws(PlanError) -> (kind: ImageFacts.Kind, release: ImageFacts.Release) {
        guard let codename = facts.codename else { throw .unknownRelease }
        guard let release = facts.release else { throw .unsupportedRelease(codename) }
        guard let kind = facts.kind else {
            throw facts.hasPartOfClusterCTRL ? .notClusterCTRL(missing: facts.missingTools) : .notRaspberryPiOS
        }
        switch (kind, slot.role) {
        case (.clusterCTRL, .plain): throw .plainOfClusterCTRL(slot)
        case (.stock, .plain) where facts.isConvertedBefore: throw .stockOfOtherRole(slot)
        case (.stock, let role) where (facts.slot ?? facts.netbootSlot).map { $0.role != role } ?? false:
            throw .stockOfOtherRole(slot)
        case (.stock, .controller) where slot == .cbridge: throw .bridgedOfStock(slot)
        case (.stock, .node) where release < .bookworm, (.stock, .controller) where release < .bookworm:
            throw .memberOfOldStock(slot, release.rawValue)
        case (.clusterCTRL, _), (.stock, _): break
        }
        let line = facts.kernelLinePath
        guard facts.bytes(.boot, line) != nil else {
            throw .missingKernelLine(line, namedBy: facts.kernelLineOrigin(of: line))
        }
        guard facts.bytes(.boot, "/config.txt") != nil else {
            throw .missingInImage("boot:/config.txt", purpose: "convert the image")
        }
        guard medium == .netboot || !facts.isNetbootTree else { throw .netbootTree }
        return (kind, release)
    }

    private init(
        slot: Slot, settings: Settings, facts: ImageFacts, modified: Int64, kind: ImageFacts.Kind,
        release: ImageFacts.Release, medium: Medium, isFinished: Bool
    ) {
        self.slot = slot
        self.settings = settings
        brought = settings.filesByTarget
        self.facts = facts
        self.modified = modified
        self.kind = kind
        self.release = release
        self.medium = medium
        self.isFinished = isFinished
    }
}

// MARK: - Adding edits

extension Planner {
    /// What an edit of `path` changes; folders that are missing above it are planned too.
    private mutating func target(
        _ partition: Target.Partition, _ path: VolumePath, makingFolders reason: String?
    ) throws(PlanError) -> Target {
        guard let found = facts.found(partition, path) else { throw .notLookedAt(Target(partition, path)) }
        if let reason {
            for folder in found.missingFolders {
                try draft.add(
                    Edit(Target(partition, folder), .ensureDirectory(.init(mode: 0o755)), reason: reason))
            }
        }
        return Target(partition, found.path)
    }

    /// A file, link or folder with exactly this content and metadata.
    mutating func put(
        on partition: Target.Partition = .root, _ path: VolumePath, _ content: FileNode.Content,
        _ metadata: FileNode.Metadata = .init(mode: 0o644), reason: String, isSecret: Bool = false
    ) throws(PlanError) {
        let target = try self.target(partition, path, makingFolders: reason)
        try draft.add(
            Edit(target, .put(FileNode(content: content, metadata: metadata)), reason: reason, isSecret: isSecret))
    }

    mutating func put(
        on partition: Target.Partition = .root, _ path: VolumePath, text: String, mode: UInt16 = 0o644, reason: String,
        isSecret: Bool = false
    ) throws(PlanError) {
        try put(
            on: partition, path, .file(Array(text.utf8)), .init(mode: mode), reason: reason, isSecret: isSecret)
    }

    mutating func remove(
        on partition: Target.Partition = .root, _ path: VolumePath, reason: String
    ) throws(PlanError) {
        try draft.add(Edit(try self.target(partition, path, makingFolders: nil), .remove, reason: reason))
    }

    /// A folder goes with the last of what was in it.
    mutating func removeIfEmptied(_ folder: VolumePath, reason: String) throws(PlanError) {
        let names = Set(facts.listings[folder] ?? [])
        let edits = draft.edits.values.filter { $0.target.partition == .root && $0.target.path.parent == folder }
        let removed = Set(edits.filter { $0.action == .remove }.compactMap(\.target.path.name))
        guard !removed.isEmpty, edits.count == removed.count, names.isSubset(of: removed) else { return }
        try draft.add(Edit(Target(.root, folder), .removeFolder, reason: reason))
    }

    /// The file's text after the rules; a missing file is made with mode `missing`, or an error without that.
    mutating func rewrite(
        on partition: Target.Partition = .root, _ path: VolumePath, _ rules: [TextRule], missing: UInt16? = nil,
        reason: String, isSecret: Bool = false
    ) throws(PlanError) {
        let target = try self.target(partition, path, makingFolders: missing == nil ? nil : reason)
        try draft.add(
            Edit(
                target, .rewrite(rules, missing: missing.map { .init(mode: $0) }), reason: reason, isSecret: isSecret))
    }

    mutating func keepOff(_ unit: String) { unitsOff.insert(unit) }

    mutating func warn(_ text: String) {
        if warned.insert(text).inserted { warnings.append(text) }
    }
}

// MARK: - The end

extension Planner {
    /// The plan, after each edit was tried on what the facts have: it must be possible, and once must be enough.
    private mutating func finished() throws(PlanError) -> EditPlan {
        var nodes: [Target: FileNode?] = [:]
        for (target, found) in facts.found { nodes[Target(target.partition, found.path)] = .some(found.own) }
        let edits = try draft.sorted()
        for edit in edits {
            var old: FileNode?
            if let known = nodes[edit.target] {
                old = known
            } else if edit.action.isForFolder {
                old = nil
            } else {
                throw .notLookedAt(edit.target)
            }
            let wanted = try wrapping(edit.wanted(old, modified: modified), as: PlanError.edit)
            let again = try wrapping(edit.wanted(wanted, modified: modified), as: PlanError.edit)
            guard wanted == again else { throw .unstable(edit.target) }
            if case .file(let bytes)? = wanted?.content { checkBootText(edit.target, bytes) }
        }
        return EditPlan(slot: slot, medium: medium, edits: edits, modified: modified, warnings: warnings)
    }

    private mutating func checkBootText(_ target: Target, _ bytes: [UInt8]) {
        switch target {
        case let target where target.partition == .boot && kernelLinePaths.contains(target.path):
            checkKernelLine(TextBytes.decode(bytes))
        case Target(.boot, "/config.txt"): checkConfig(ConfigText(TextBytes.decode(bytes)))
        default: break
        }
    }
}
