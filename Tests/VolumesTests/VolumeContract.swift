import TestSupport
import Testing
import Trees

/// One way to store files that the contract suite is run over.
///
/// A new engine joins with one value in `all` (`VolumeContract+Engines.swift`).
struct VolumeSubject: Sendable, CustomTestStringConvertible {
    /// What the engine stores beyond bytes, folders and times.
    struct Abilities: OptionSet, Sendable {
        var rawValue: Int
        static let owners = Abilities(rawValue: 1)
        static let modes = Abilities(rawValue: 2)
        static let links = Abilities(rawValue: 4)
        static let specials = Abilities(rawValue: 8)
        static let attributes = Abilities(rawValue: 16)
        static let caseSensitive = Abilities(rawValue: 32)
    }

    var name: String
    var abilities: Abilities
    /// Modification times are multiples of so many seconds.
    var timeStep: Int64
    /// Tools without which the engine cannot be tried.
    var tools: [String]
    /// A new, empty medium.
    var make: @Sendable () throws -> any VolumeMedium

    var testDescription: String { name }
}

/// What holds a volume while it is closed.
protocol VolumeMedium: AnyObject {
    func open() throws -> any Volume
    /// Lets a foreign tool judge the closed volume, and records an issue for every complaint.
    func check() throws
}

extension VolumeSubject {
    /// Runs `edit` on a new volume, closes it, has it judged, opens it again for `verify`.
    func exercise(_ edit: (any Volume) throws -> Void, verify: (any Volume) throws -> Void = { _ in }) throws {
        try ToolsTrait.require(tools)
        let medium = try make()
        let volume = try medium.open()
        try edit(volume)
        try volume.close()
        try medium.check()
        let again = try medium.open()
        try verify(again)
        try again.close()
        try medium.check()
    }

    /// `node` as this engine gives it back.
    func stored(_ node: FileNode) -> FileNode {
        var node = node
        node.metadata.modified -= node.metadata.modified % timeStep
        if !abilities.contains(.modes) { node.metadata.mode = node.kind == .directory ? 0o755 : 0o644 }
        return node
    }
}

extension FileNode {
    /// A moment that every file system can store.
    static let someTime: Int64 = 1_700_000_000

    static func file(_ bytes: [UInt8], mode: UInt16 = 0o644, modified: Int64 = someTime) -> FileNode {
        FileNode(content: .file(bytes), metadata: Metadata(mode: mode, modified: modified))
    }

    static func file(_ text: String) -> FileNode { file(Array(text.utf8)) }

    static func folder(modified: Int64 = someTime) -> FileNode {
        FileNode(content: .directory, metadata: Metadata(mode: 0o755, modified: modified))
    }

    static func link(_ text: String) -> FileNode {
        FileNode(content: .symlink(text), metadata: Metadata(mode: 0o777, modified: someTime))
    }
}

extension ReadableVolume {
    /// All nodes below a folder.
    func tree(below folder: VolumePath) throws -> [VolumePath: FileNode] {
        var nodes: [VolumePath: FileNode] = [:]
        for name in try entries(in: folder) {
            let path = try #require(folder.appending(name))
            let node: FileNode = try #require(try node(at: path))
            nodes[path] = node
            if node.kind == .directory { try nodes.merge(tree(below: path)) { $1 } }
        }
        return nodes
    }
}
