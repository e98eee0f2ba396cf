package import Images
package import Plans
import Reports
import Trees

/// One change as `plan` and `verify` print it, in JSON and, by `lines`, as text.
package struct ChangeReport: Encodable, Equatable, Sendable {
    package var action: Manifest.Change.Action
    package var partition: String
    package var path: String
    package var reason: String
    package var secret: Bool
    /// A unified diff of text files; nil for secrets, bytes that are no text, links and folders.
    package var diff: [String]?
    /// What changes besides a file's text: mode, owner, link, kind.
    package var details: [String]

    package init(_ change: Change) {
        let record = Manifest.Change(change)
        action = record.action
        partition = record.partition
        path = record.path
        reason = record.reason
        secret = record.secret
        diff = secret ? nil : Self.diff(from: change.old, to: change.wanted)
        details = Self.details(of: change, showsText: diff != nil, isSecret: secret)
    }

    /// A difference that no edit of a plan stands for.
    init(action: Manifest.Change.Action, partition: Target.Partition, path: VolumePath, reason: String) {
        self.action = action
        self.partition = partition.rawValue
        self.path = path.description
        self.reason = reason
        secret = false
        details = []
    }

    /// Indented below a headline of its own.
    package var lines: [String] {
        let mark =
            switch action {
            case .create: "+"
            case .change: "~"
            case .remove: "-"
            }
        return ["\(mark) \(partition):\(path)  (\(reason))"] + details.map { "    " + $0 }
            + (diff ?? []).map { "    " + $0 }
    }

    private static func diff(from old: FileNode?, to new: FileNode?) -> [String]? {
        guard let before = text(of: old), let after = text(of: new), before != after else { return nil }
        return UnifiedDiff(from: before, to: after).lines
    }

    /// A file's text, nothing for no file at all; nil for what is no text or too long to show.
    private static func text(of node: FileNode?) -> [UInt8]? {
        guard let node else { return [] }
        guard case .file(let bytes) = node.content, bytes.count <= 1 << 16, !bytes.contains(0) else { return nil }
        if String(validating: bytes, as: UTF8.self) != nil { return bytes }
        // In another encoding, or with a few odd bytes: text has none of the controls that programs and pictures have.
        let controls = bytes.count { $0 < 0x20 && !(0x08...0x0D).contains($0) && $0 != 0x1B }
        return controls == 0 ? bytes : nil
    }

    private static func details(of change: Change, showsText: Bool, isSecret: Bool) -> [String] {
        var details: [String] = []
        switch change.wanted?.content {
        case .symlink(let text): details.append("link to \(text)")
        case .directory where change.old == nil: details.append("folder")
        case .file(let bytes) where isSecret: details.append("secret, not shown (\(ByteCount(Int64(bytes.count))))")
        case .stored(let file) where isSecret: details.append("secret, not shown (\(ByteCount(file.byteCount)))")
        case .stored(let file) where change.old?.content != change.wanted?.content:
            details.append("file of \(ByteCount(file.byteCount))")
        case .file(let bytes) where !showsText && change.old?.content != change.wanted?.content:
            details.append("file of \(ByteCount(Int64(bytes.count)))")
        default: break
        }
        if let old = change.old, let wanted = change.wanted {
            if old.kind != wanted.kind { details.append("was a \(old.kind)") }
            let (before, after) = (old.metadata, wanted.metadata)
            if before.mode != after.mode { details.append("mode \(octal(before.mode)) -> \(octal(after.mode))") }
            if (before.owner, before.group) != (after.owner, after.group) {
                details.append("owner \(before.owner):\(before.group) -> \(after.owner):\(after.group)")
            }
        } else if let wanted = change.wanted, change.edit.target.partition == .root, wanted.kind != .symlink {
            details.append(
                "mode \(octal(wanted.metadata.mode)), owner \(wanted.metadata.owner):\(wanted.metadata.group)")
        }
        return details
    }

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
