import Trees

/// Edits while they are collected: one a target, wishes for the same file joined where they can be.
struct PlanDraft {
    private(set) var edits: [Target: Edit] = [:]

    /// FAT does not tell `SSH` from `ssh`.
    private static func key(_ target: Target) -> Target {
        guard target.partition == .boot else { return target }
        return Target(.boot, VolumePath(components: target.path.components.map { $0.lowercased() }) ?? target.path)
    }

    mutating func add(_ edit: Edit) throws(PlanError) {
        let key = Self.key(edit.target)
        guard let old = edits[key] else {
            edits[key] = edit
            return
        }
        edits[key] = try Self.joined(old, edit)
    }

    private static func joined(_ old: Edit, _ new: Edit) throws(PlanError) -> Edit {
        var result = old
        result.isSecret = old.isSecret || new.isSecret
        if old.reason != new.reason { result.reason = "\(old.reason); \(new.reason)" }
        switch (old.action, new.action) {
        case (.rewrite(let rules, let missing), .rewrite(let further, let otherMissing)):
            result.action = .rewrite(rules + further.filter { !rules.contains($0) }, missing: missing ?? otherMissing)
            return result
        case (.ensureDirectory, .put(let node)) where node.kind == .directory: return new
        case (.put(let node), .ensureDirectory) where node.kind == .directory: return old
        case (.ensureDirectory, .ensureDirectory): return old
        case (let a, let b) where a == b: return result
        default: throw .conflict(old.target, old.reason, new.reason)
        }
    }

    /// All edits by target, so that a folder comes before what is in it; one that goes comes after all others.
    func sorted() throws(PlanError) -> [Edit] {
        let all = edits.values.sorted {
            let (a, b) = ($0.action == .removeFolder, $1.action == .removeFolder)
            return a == b ? $0.target < $1.target : b
        }
        for edit in all {
            for folder in edit.target.path.ancestors {
                let above = edits[Self.key(Target(edit.target.partition, folder))]
                guard let above, edit.action != .remove else { continue }
                switch above.action {
                case .ensureDirectory: break
                case .put(let node) where node.kind == .directory: break
                default: throw .conflict(edit.target, above.reason, edit.reason)
                }
            }
        }
        return all
    }
}
