package import Trees

/// Why an edit cannot be made on what is there.
package enum EditError: Error, Equatable, Sendable {
    /// A file that shall be changed does not exist.
    case missing(Target)
    /// Something else is where a file or folder is needed.
    case unexpected(Target, Node.Kind)
    case rule(Target, TextRuleError)
    case unreadable(Target, VolumeError)
}

extension EditError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let target): "could not change \(target): there is no such file"
        case .unexpected(let target, let kind): "could not change \(target): it is a \(kind.words)"
        case .rule(let target, let error): "could not change \(target): \(error)"
        case .unreadable(let target, let error): "could not read \(target): \(error)"
        }
    }
}

extension Edit {
    /// What shall be at the target when `old` is there; nil is nothing.
    ///
    /// What is right already comes back unchanged, so `wanted(wanted(old)) == wanted(old)`. Changed and new nodes get
    /// the time `modified`, in seconds since 1970-01-01 UTC. On the boot partition only content is compared, since
    /// FAT stores no owner and no mode.
    package func wanted(_ old: Node?, modified: Int64) throws(EditError) -> Node? {
        switch action {
        case .remove:
            if old?.kind == .directory { throw .unexpected(target, .directory) }
            return nil
        case .put(let node):
            if let old, isSame(old, node) { return old }
            if let old, (old.kind == .directory) != (node.kind == .directory) { throw .unexpected(target, old.kind) }
            return dated(node, modified)
        case .ensureDirectory(let metadata):
            guard let old else { return dated(Node(content: .directory, metadata: metadata), modified) }
            guard old.kind == .directory else { throw .unexpected(target, old.kind) }
            return old
        case .rewrite(let rules, let missing):
            return try rewritten(old, rules, missing: missing, modified: modified)
        }
    }

    private func rewritten(
        _ old: Node?, _ rules: [TextRule], missing: Node.Metadata?, modified: Int64
    ) throws(EditError) -> Node {
        let bytes: [UInt8]
        let metadata: Node.Metadata
        switch old?.content {
        case .file(let content)?: (bytes, metadata) = (content, old?.metadata ?? .init(mode: 0o644))
        case nil:
            guard let missing else { throw .missing(target) }
            (bytes, metadata) = ([], missing)
        default: throw .unexpected(target, old?.kind ?? .file)
        }
        var text = TextBytes.decode(bytes)
        for rule in rules {
            do { text = try rule.applied(to: text) } catch { throw .rule(target, error) }
        }
        let result = TextBytes.encode(text)
        if let old, result == bytes { return old }
        return dated(Node(content: .file(result), metadata: metadata), modified)
    }

    private func isSame(_ old: Node, _ new: Node) -> Bool {
        guard old.content == new.content else { return false }
        if target.partition == .boot { return true }
        var (a, b) = (old.metadata, new.metadata)
        b.modified = a.modified
        if old.kind == .symlink { (a.mode, b.mode) = (0, 0) }
        return a == b
    }

    private func dated(_ node: Node, _ modified: Int64) -> Node {
        var node = node
        node.metadata.modified = modified
        return node
    }
}

/// An edit with what is there and what shall be there.
package struct Change: Equatable, Sendable {
    package var edit: Edit
    package var old: Node?
    package var wanted: Node?

    package init(edit: Edit, old: Node?, wanted: Node?) {
        self.edit = edit
        self.old = old
        self.wanted = wanted
    }
}

extension EditPlan {
    /// The edits that are not satisfied yet, in the plan's order; empty when the image is as the plan wants it.
    package func changes(boot: any Volume, root: any Volume) throws(EditError) -> [Change] {
        var result: [Change] = []
        for edit in edits {
            let old: Node?
            do throws(VolumeError) {
                old = try (edit.target.partition == .boot ? boot : root).node(at: edit.target.path)
            } catch {
                throw .unreadable(edit.target, error)
            }
            let wanted = try edit.wanted(old, modified: modified)
            if wanted != old { result.append(Change(edit: edit, old: old, wanted: wanted)) }
        }
        return result
    }
}

extension Node.Kind {
    /// For messages: `character device`.
    package var words: String {
        switch self {
        case .file: "file"
        case .directory: "folder"
        case .symlink: "symbolic link"
        case .characterDevice: "character device"
        case .blockDevice: "block device"
        case .fifo: "pipe"
        case .socket: "socket"
        }
    }
}
