import Trees

/// The `files` key: what of the user's goes into the image.
extension SettingsDecoder {
    /// Bytes of all the user's files together.
    static let byteLimit = 512 << 20
    /// Entries of a folder with all its folders, and levels.
    private static let entryLimit = 20_000
    private static let depthLimit = 64

    /// One item of `files`, its keys read.
    private struct Item {
        var position: ProfilePosition
        var target: Target
        var mode: UInt16?
        var owner: UInt32
        var group: UInt32
        /// What the profile says; nil when it says nothing.
        var isSecret: Bool?
        var isTemplate: Bool
        /// Others cannot read the source.
        var isPrivate = false

        /// Whether neither the profile nor the source lets others read it.
        var isClosed: Bool { isSecret ?? true && isPrivate }
    }

    mutating func fileEntries(_ items: [ProfileNode]) -> [SettingsLayer.Entry] {
        var entries: [SettingsLayer.Entry] = []
        var lines: [Target: (ProfilePosition, isDirectory: Bool)] = [:]
        for node in items {
            guard let item = item(node) else { continue }
            for copy in copies(node, item) {
                let isDirectory = copy.content == .directory
                if let (other, wasDirectory) = lines[copy.target], other != item.position,
                    !(isDirectory && wasDirectory)
                {
                    report(
                        item.position, "\(copy.target) is given twice, first in line \(other.line)",
                        hint: "take one of them out")
                }
                lines[copy.target] = (item.position, isDirectory)
                entries.append(.init(key: "files", value: .file(copy), position: item.position))
            }
        }
        return entries
    }

    private mutating func item(_ node: ProfileNode) -> Item? {
        guard let text = node["target"]?.text, let path = VolumePath(text) else { return nil }
        let partition: Target.Partition = node["partition"]?.text == "boot" ? .boot : .root
        let position = node["target"]?.position ?? node.position
        let kinds = ["source", "content", "link", "directory"].filter { node[$0] != nil && node[$0]?.text != "false" }
        guard kinds.count == 1 else {
            report(
                node.position,
                kinds.isEmpty
                    ? "the file \(text) has no content"
                    : "the file \(text) has more than one of " + kinds.map { "`\($0)`" }.joined(separator: ", "),
                hint: "give one of `source`, `content`, `link` and `directory`")
            return nil
        }
        if path.isRoot, kinds != ["source"] {
            report(position, "the target `/` is the partition itself", hint: "/etc/motd")
            return nil
        }
        guard checkBoot(node, path: path, partition: partition, kind: kinds[0]) else { return nil }
        if kinds == ["link"], let mode = node["mode"] {
            report(mode.position, "a link has no mode of its own", hint: "take `mode` out")
        }
        let mode = node["mode"]?.text.flatMap { try? Validation.modeBits($0) }
        let owner = node["owner"]?.text.flatMap { try? Validation.ownerNumber($0) }
        let group = node["group"]?.text.flatMap { try? Validation.ownerNumber($0) }
        return Item(
            position: node.position, target: Target(partition, path), mode: mode, owner: owner ?? 0, group: group ?? 0,
            isSecret: node["secret"].map { $0.text == "true" }, isTemplate: node["template"]?.text == "true")
    }

    /// The boot partition is FAT: no owners, modes or links; and it is mounted over a folder of the root partition.
    private mutating func checkBoot(
        _ node: ProfileNode, path: VolumePath, partition: Target.Partition, kind: String
    ) -> Bool {
        let position = node["target"]?.position ?? node.position
        guard partition == .boot else { return checkNotBelowBoot(path, at: position) }
        if path.components.first == "boot" {
            report(
                position, "\(path) is given from the top of the boot partition, where no folder `boot` belongs",
                hint: "target: \(Self.withoutBoot(path))")
            return false
        }
        var isRight = true
        for name in ["mode", "owner", "group"] {
            guard let value = node[name] else { continue }
            report(value.position, "the boot partition is FAT and stores no `\(name)`", hint: "take `\(name)` out")
            isRight = false
        }
        if kind == "link" {
            report(node["link"]?.position ?? position, "the boot partition is FAT and stores no links")
            isRight = false
        }
        return isRight
    }

    private mutating func checkNotBelowBoot(_ path: VolumePath, at position: ProfilePosition) -> Bool {
        guard path.components.first == "boot" else { return true }
        report(
            position, "\(path) on the root partition is hidden once the boot partition is mounted",
            hint: "partition: boot, target: \(Self.withoutBoot(path))")
        return false
    }

    private static func withoutBoot(_ path: VolumePath) -> String {
        var rest = path.components.dropFirst()
        if rest.first == "firmware" { rest = rest.dropFirst() }
        return "/" + rest.joined(separator: "/")
    }

    private mutating func copies(_ node: ProfileNode, _ item: Item) -> [Settings.FileCopy] {
        if let text = node["content"]?.text { return [copy(item, .file(Array(text.utf8)))] }
        if let text = node["link"]?.text { return [copy(item, .symlink(text))] }
        if node["directory"]?.text == "true" { return [copy(item, .directory)] }
        guard let source = node["source"], let path = source.text else { return [] }
        do {
            var item = item
            let status = try files.status(path, followingLink: true)
            item.isPrivate = status.isPrivate
            switch status.kind {
            case .file:
                guard !item.target.path.isRoot else {
                    report(item.position, "the target `/` is the partition itself", hint: "/etc/motd")
                    return []
                }
                return [try file(path, item, isExecutable: status.isExecutable)]
            case .folder: return folder(path, source.position, item)
            case .link, .other:
                report(source.position, "\(files.resolve(path)) is neither a file nor a folder")
                return []
            }
        } catch {
            report(source.position, "could not read \(files.resolve(path)): \(error.reason)")
            return []
        }
    }

    private func copy(
        _ item: Item, _ content: Settings.FileCopy.Content, isExecutable: Bool = false
    ) -> Settings.FileCopy {
        let usual: UInt16 = item.isClosed ? 0o700 : 0o777
        let mode: UInt16 =
            switch content {
            case _ where item.target.partition == .boot: 0o755
            case .file, .stored: item.mode ?? (isExecutable ? 0o755 : 0o644) & usual
            // As chmod's X: who may read a folder's files may enter the folder.
            case .directory: item.mode.map { $0 | ($0 & 0o444) >> 2 } ?? 0o755 & usual
            case .symlink: 0o777
            }
        var copy = Settings.FileCopy(
            target: item.target, content: content, mode: mode, owner: item.owner, group: item.group,
            isSecret: item.isSecret ?? (item.isPrivate && content != .directory))
        if case .file = content { copy.isTemplate = item.isTemplate }
        return copy
    }

    private mutating func file(
        _ path: String, _ item: Item, isExecutable: Bool
    ) throws(ProfileFileError) -> Settings.FileCopy {
        let limit = Self.byteLimit - byteCount
        // The words of a template are replaced in memory.
        if !item.isTemplate, let stored = try files.stored(path, limit: limit) {
            byteCount += Int(stored.byteCount)
            return copy(item, .stored(stored), isExecutable: isExecutable)
        }
        let bytes = try files.read(path, limit: limit)
        byteCount += bytes.count
        return copy(item, .file(bytes), isExecutable: isExecutable)
    }

    /// A folder and all below it, sorted; links are copied as links, so nothing outside of it is read.
    private mutating func folder(_ path: String, _ position: ProfilePosition, _ item: Item) -> [Settings.FileCopy] {
        var result: [Settings.FileCopy] = []
        var pending = [(path: path, target: item.target.path, depth: 0, isPrivate: item.isPrivate)]
        while let next = pending.popLast() {
            var item = item
            item.target.path = next.target
            do {
                let status = try files.status(next.path, followingLink: next.depth == 0)
                // What lies in a closed folder is closed, too.
                item.isPrivate = next.isPrivate || status.isPrivate
                guard result.count < Self.entryLimit, next.depth <= Self.depthLimit else {
                    report(
                        position,
                        "\(files.resolve(path)) has more than \(Self.entryLimit) entries"
                            + " or \(Self.depthLimit) levels")
                    return []
                }
                if next.depth > 0, item.target.partition == .root, !checkNotBelowBoot(next.target, at: position) {
                    return []
                }
                switch status.kind {
                case .file: result.append(try file(next.path, item, isExecutable: status.isExecutable))
                case .link:
                    guard item.target.partition == .root else {
                        report(position, "\(next.path) is a link, which the boot partition cannot store")
                        continue
                    }
                    result.append(copy(item, .symlink(try files.linkText(next.path))))
                case .folder:
                    if !next.target.isRoot { result.append(copy(item, .directory)) }
                    pending += try children(next.path, next.target).map { ($0, $1, next.depth + 1, item.isPrivate) }
                case .other: report(position, "\(files.resolve(next.path)) is a device, fifo or socket")
                }
            } catch {
                report(position, "could not read \(files.resolve(next.path)): \(error.reason)")
            }
        }
        return result.sorted { $0.target < $1.target }
    }

    private func children(
        _ path: String, _ target: VolumePath
    ) throws(ProfileFileError) -> [(String, VolumePath)] {
        var result: [(String, VolumePath)] = []
        for name in try files.entries(in: path) {
            guard let below = target.appending(name) else { throw .invalidName }
            result.append((path + "/" + name, below))
        }
        return result
    }
}
