package import Trees

/// Why an edit cannot be made on what is there.
package enum EditError: Error, Equatable, Sendable {
    /// A file that shall be changed does not exist.
    case missing(Target)
    /// Something else is where a file or folder is needed.
    case unexpected(Target, FileNode.Kind)
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

extension FileNode.Kind {
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
