package import Trees

extension Edit {
    /// What shall be at the target when `old` is there; nil is nothing.
    ///
    /// What is right already comes back unchanged, so `wanted(wanted(old)) == wanted(old)`. Changed and new nodes get
    /// the time `modified`, in seconds since 1970-01-01 UTC. On the boot partition only content is compared, since
    /// FAT stores no owner and no mode.
    package func wanted(_ old: FileNode?, modified: Int64) throws(EditError) -> FileNode? {
        switch action {
        case .remove:
            if old?.kind == .directory { throw .unexpected(target, .directory) }
            return nil
        case .removeFolder:
            if let old, old.kind != .directory { throw .unexpected(target, old.kind) }
            return nil
        case .put(var node):
            if let old, old.kind == node.kind { node.keepAttributes(of: old) }
            if let old, isSame(old, node) { return old }
            if let old, (old.kind == .directory) != (node.kind == .directory) { throw .unexpected(target, old.kind) }
            return dated(node, modified)
        case .ensureDirectory(let metadata):
            guard let old else { return dated(FileNode(content: .directory, metadata: metadata), modified) }
            guard old.kind == .directory else { throw .unexpected(target, old.kind) }
            return old
        case .rewrite(let rules, let missing):
            return try rewritten(old, rules, missing: missing, modified: modified)
        }
    }

    private func rewritten(
        _ old: FileNode?, _ rules: [TextRule], missing: FileNode.Metadata?, modified: Int64
    ) throws(EditError) -> FileNode {
        let bytes: [UInt8]
        let metadata: FileNode.Metadata
        switch old?.content {
        case .file(let content)?: (bytes, metadata) = (content, old?.metadata ?? .init(mode: 0o644))
        case nil:
            guard let missing else { throw .missing(target) }
            (bytes, metadata) = ([], missing)
        default: throw .unexpected(target, old?.kind ?? .file)
        }
        let text: String
        do { text = try rules.applied(to: TextBytes.decode(bytes)) } catch { throw .rule(target, error) }
        let result = TextBytes.encode(text)
        if let old, result == bytes { return old }
        return dated(FileNode(content: .file(result), metadata: metadata), modified)
    }

    private func isSame(_ old: FileNode, _ new: FileNode) -> Bool {
        guard old.content == new.content else { return false }
        if target.partition == .boot { return true }
        var (a, b) = (old.metadata, new.metadata)
        b.modified = a.modified
        if old.kind == .symlink { (a.mode, b.mode) = (0, 0) }
        return a == b
    }

    private func dated(_ node: FileNode, _ modified: Int64) -> FileNode {
        var node = node
        node.metadata.modified = modified
        return node
    }
}

extension FileNode {
    /// Takes over the extended attributes that say nothing of what this node states itself: access lists go with the
    /// mode, capabilities with the bytes (as the kernel drops them on a write, capabilities(7)).
    fileprivate mutating func keepAttributes(of old: FileNode) {
        let kept = old.metadata.extendedAttributes.filter { name, _ in
            !name.hasPrefix("system.posix_acl") && (name != "security.capability" || old.content == content)
        }
        metadata.extendedAttributes.merge(kept) { own, _ in own }
    }
}
