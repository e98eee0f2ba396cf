package import Trees

/// Files, folders and links of the user's.
enum FilesSetting: Setting {
    typealias Value = [Settings.FileCopy]

    static let keys = [
        SchemaKey(
            "files", .list(.object(itemKeys)), "Files, folders and links of yours.",
            example: "[{source: motd, target: /etc/motd}]")
    ]

    private static let itemKeys: [SchemaKey] = [
        SchemaKey(
            "source", .text(.path), "A file or folder of yours; a folder is copied with all that it holds.",
            example: "files/motd"),
        SchemaKey("content", .text(.anyText), "The text of the file, instead of a source.", example: "\"hello\\n\""),
        SchemaKey("link", .text(.linkText), "Where a symbolic link points, instead of a source.", example: "../run/x"),
        SchemaKey("directory", .boolean, "An empty folder, instead of a source.", example: "true"),
        SchemaKey(
            "target", .text(.targetPath), "Where it goes, from the top of the partition.", example: "/etc/motd",
            isRequired: true),
        SchemaKey("partition", .text(.partition), "`root`, or `boot` (there `/` is /boot/firmware).", example: "root"),
        SchemaKey(
            "mode", .text(.mode),
            "Permission bits in octal; without it 0644, 0755 if the source can be executed; 0600 or 0700 if only its owner can read it.",
            example: "\"0644\""),
        SchemaKey("owner", .text(.owner), "A number, `root`, or `user` (the first user, 1000).", example: "root"),
        SchemaKey("group", .text(.owner), "As `owner`.", example: "root"),
        SchemaKey(
            "secret", .boolean,
            "Never show the content in a plan or manifest; without it true for a source that only its owner can read.",
            example: "false"),
        SchemaKey(
            "template", .boolean,
            "Replace `${slot}`, `${number}`, `${hostname}`, `${address}`, `${cluster}` and `${nodes}` in the content.",
            example: "true"),
    ]

    static let template = #"""

        # Your own files and folders; the mode in quotes.
        # files:
        #   - {source: files/motd, target: /etc/motd}
        #   - {content: "hello\n", target: /etc/hello, mode: "0600", owner: user, group: user, secret: true}
        #   - {link: /usr/share/zoneinfo/UTC, target: /etc/zone}
        #   - {directory: true, target: /srv/data}
        #   - {source: files/splash.txt, target: /splash.txt, partition: boot}
        #   - {content: "${hostname} of ${cluster}\n", target: /etc/motd.tail, template: true}
        """#

    static let unset: Value = []

    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.compactMap(\.value.file) }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        decoder.fileEntries(node.items)
    }

    /// A file with the same target takes the place of the one before it.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        entry.value.file.map { .replacing($0.target.description) } ?? .always
    }

    /// A path below one that is a file or link.
    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        let entries = layer.entries(of: name)
        var leaves: [Target: SettingsLayer.Entry] = [:]
        for entry in entries {
            if let copy = entry.value.file, copy.content != .directory { leaves[copy.target] = entry }
        }
        return entries.compactMap { entry in
            guard let target = entry.value.file?.target else { return nil }
            for folder in target.path.ancestors {
                let above = Target(target.partition, folder)
                guard let leaf = leaves[above] else { continue }
                return ProfileProblem(
                    entry.position, "\(target) lies below \(above), which is no folder (\(leaf.position.origin))")
            }
            return nil
        }
    }

    /// What is there now is replaced, so it may be of any size.
    static func look(_ reader: inout FactsReader) throws(PlanError) {
        for file in reader.settings.files {
            try reader.look(file.target.partition, file.target.path, whenLarge: .skip)
        }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planFiles() }
}

extension Settings {
    /// A file, link or folder of the user's, already read.
    package struct FileCopy: Equatable, Sendable {
        package var target: Target
        package var content: Content
        /// Permission bits, 0...0o7777.
        package var mode: UInt16
        package var owner: UInt32
        package var group: UInt32
        /// Holds something that must not be shown in a diff or a manifest.
        package var isSecret: Bool
        /// The content has words that `FileTemplate` replaces.
        var isTemplate = false

        package enum Content: Equatable, Sendable {
            case file([UInt8])
            case stored(StoredFile)
            case directory
            case symlink(String)
        }

        package init(target: Target, content: Content, mode: UInt16, owner: UInt32, group: UInt32, isSecret: Bool) {
            self.target = target
            self.content = content
            self.mode = mode
            self.owner = owner
            self.group = group
            self.isSecret = isSecret
        }
    }

    package var files: [FileCopy] {
        get { self[FilesSetting.self] }
        set { self[FilesSetting.self] = newValue }
    }

    var filesByTarget: [Target: FileCopy] {
        Dictionary(files.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Settings.FileCopy.Content {
    /// As a volume stores it.
    package var node: FileNode.Content {
        switch self {
        case .file(let bytes): .file(bytes)
        case .stored(let file): .stored(file)
        case .directory: .directory
        case .symlink(let text): .symlink(text)
        }
    }
}

extension Settings.FileCopy {
    /// `root:/etc/motd 0644 0:0, 12 bytes`; of a secret file not even the size.
    package var summary: String {
        let octal = String(mode, radix: 8)
        let bits = String(repeating: "0", count: max(0, 4 - octal.count)) + octal
        let what =
            switch content {
            case _ where isSecret: "(secret)"
            case .file(let bytes): "\(bytes.count) bytes"
            case .stored(let file): "\(file.byteCount) bytes"
            case .directory: "folder"
            case .symlink(let text): "link to \(text.shortened)"
            }
        return "\(target)" + (target.partition == .boot ? "" : " \(bits) \(owner):\(group)") + ", \(what)"
    }
}

extension Planner {
    fileprivate mutating func planFiles() throws(PlanError) {
        for file in settings.files {
            let reason = "file of the profile"
            let metadata = FileNode.Metadata(mode: file.mode, owner: file.owner, group: file.group)
            switch file.target.partition {
            case .boot: try checkBoot(file)
            case .root:
                let mount = facts.bootMount
                if file.target.path == mount || file.target.path.isBelow(mount) {
                    throw .hiddenByBoot(file.target, mount: mount.description)
                }
            }
            try put(
                on: file.target.partition, file.target.path, file.content.node, metadata, reason: reason,
                isSecret: file.isSecret)
        }
    }

    /// FAT has neither owners nor modes; the modes that any file may have are taken as "whatever".
    private func checkBoot(_ file: Settings.FileCopy) throws(PlanError) {
        if case .symlink = file.content { throw .bootCannotHold(file.target, what: "symbolic link") }
        if file.owner != 0 || file.group != 0 { throw .bootCannotHold(file.target, what: "owner") }
        let isUsual = file.content == .directory ? file.mode == 0o755 : [0o644, 0o755].contains(file.mode)
        if !isUsual { throw .bootCannotHold(file.target, what: "mode") }
    }
}
