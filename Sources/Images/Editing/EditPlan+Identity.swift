package import Blocks
import Plans

extension EditPlan {
    /// SHA-256 over everything the plan demands, in order, so that equal plans can be recognised.
    ///
    /// For a secret only the fact goes in: a digest that is published must not let a password be guessed.
    package var identity: SHA256Digest {
        var text = "piforge plan 1\nslot \(slot.name)\nmodified \(modified)\n"
        if medium != .card { text += "medium \(medium.rawValue)\n" }
        for edit in edits {
            text += "\(edit.target) \(edit.isSecret ? "secret" : Self.describe(edit.action))\n"
        }
        return SHA256.digest(of: Array(text.utf8).span.bytes)
    }

    private static func describe(_ action: Edit.Action) -> String {
        switch action {
        case .put(let node):
            let metadata = node.metadata
            let owner = "\(String(metadata.mode, radix: 8)) \(metadata.owner):\(metadata.group)"
            switch node.content {
            case .file(let bytes): return "file \(owner) \(SHA256.digest(of: bytes.span.bytes))"
            case .stored(let file): return "file \(owner) \(file.sha256)"
            case .symlink(let text): return "link \(text)"
            case .directory: return "directory \(owner)"
            case .special(let kind): return "special \(owner) \(kind)"
            }
        case .ensureDirectory(let metadata):
            return "ensure-directory \(String(metadata.mode, radix: 8)) \(metadata.owner):\(metadata.group)"
        case .remove:
            return "remove"
        case .removeFolder:
            return "remove-folder"
        case .rewrite(let rules, _):
            return "rewrite \(SHA256.digest(of: Array(rules.map { "\($0)" }.joined(separator: "\n").utf8).span.bytes))"
        }
    }
}
