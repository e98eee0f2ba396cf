import Readers
import Trees

/// The public keys that may log in, from the profile itself or from files.
enum AuthorizedKeysSetting: Setting {
    typealias Value = [String]

    static let keys = [
        SchemaKey(
            "authorized_keys", .list(.text(.authorizedKey)), "Public ssh keys of the user, a line each.",
            example: "[ssh-ed25519 AAAA… you@home]"),
        SchemaKey(
            "authorized_keys_files", .list(.text(.path)), "Files with public keys, such as id_ed25519.pub.",
            example: "[keys/admin.pub]"),
    ]

    static let template = """

        # Public keys, as lines or from files.
        # authorized_keys:
        #   - ssh-ed25519 AAAA... you@home
        # authorized_keys_files: [~/.ssh/id_ed25519.pub]
        """

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        if key.name == name { return SettingsDecoder.entries(node, path: name, type: key.type) }
        return node.items.flatMap { lines(in: $0, &decoder) }
    }

    private static func lines(in node: ProfileNode, _ decoder: inout SettingsDecoder) -> [SettingsLayer.Entry] {
        guard let path = node.text, let bytes = decoder.bytes(of: node) else { return [] }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            decoder.report(
                node.position, "\(decoder.files.resolve(path)) is not a text of UTF-8",
                hint: "use the file that ends in .pub")
            return []
        }
        guard !text.contains("PRIVATE KEY") else {
            decoder.report(
                node.position, "\(decoder.files.resolve(path)) is a private key: it must never leave your machine",
                hint: "\(path).pub")
            return []
        }
        var entries: [SettingsLayer.Entry] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = line.withoutBlanks
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let position = ProfilePosition(file: decoder.files.resolve(path), line: index + 1, column: 1)
            do {
                try Validation.authorizedKey(line)
                entries.append(.init(key: "authorized_keys", value: .text(line), position: position))
            } catch {
                decoder.report(
                    position, error.message,
                    hint: (error.hint.map { $0 + "; " } ?? "") + "the file is named by \(node.position)")
            }
        }
        if entries.isEmpty, decoder.problems.last?.file != decoder.files.resolve(path) {
            decoder.report(node.position, "\(decoder.files.resolve(path)) holds no public key")
        }
        return entries
    }

    /// Two lines with the same key are one, whatever options and comments they have; the later one counts.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        let line = entry.value.text ?? ""
        return .replacing((try? Validation.keyIdentity(line)) ?? line)
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        if !reader.settings.authorizedKeys.isEmpty { try lookAtHome(&reader) }
    }

    /// Looks at the login user's home and key file.
    static func lookAtHome(_ reader: inout FactsReader) throws(PlanError) {
        let named = reader.settings.user.flatMap { reader.facts.user(named: $0) }
        guard let user = named ?? reader.facts.firstUser else { return }
        try reader.look(.root, [user.home] + paths(in: user.home))
        let name = reader.settings.user ?? user.name
        if let path = reader.facts.foreignKeyPath(of: user, called: name)?.path { try reader.look(.root, path) }
    }

    /// The folder and the file, nothing for a home with a name too long.
    static func paths(in home: VolumePath) -> [VolumePath] {
        [".ssh", ".ssh/authorized_keys"].compactMap { VolumePath("\(home)/\($0)") }
    }
}

extension Settings {
    /// Whole lines for `authorized_keys`, in order, each once.
    package var authorizedKeys: [String] {
        get { self[AuthorizedKeysSetting.self] }
        set { self[AuthorizedKeysSetting.self] = newValue }
    }
}

extension ImageFacts {
    /// The first file in which sshd looks for a user's keys, when the usual one is none of them; nil when it is, or when
    /// keys are read from no file. `called`: the name that the user will have.
    func foreignKeyPath(
        of user: User, called name: String
    ) -> (path: VolumePath, line: ServerOptions.Entry)? {
        let options = serverConfiguration.options(for: .init(user: name, groups: []))
        let paths = options.keyFiles.compactMap {
            VolumePath(ServerOptions.keyPath($0, user: name, id: user.id, home: user.home.description))
        }
        guard let line = options.entry("authorizedkeysfile"), let first = paths.first,
            let usual = AuthorizedKeysSetting.paths(in: user.home).last, !paths.contains(usual)
        else { return nil }
        return (first, line)
    }
}

extension Planner {
    /// Where the base's sshd looks elsewhere than in a user's home, the keys go there; that file is root's.
    private mutating func planForeignKeys(
        _ path: VolumePath, _ line: ServerOptions.Entry, of user: ImageFacts.User
    ) throws(PlanError) {
        warn("sshd looks for keys in \(path) (\(line.origin): \(line.text)), so they go there")
        let rules = settings.authorizedKeys.map { TextRule.ensureAuthorizedKey($0) }
        try rewrite(path, rules, missing: 0o644, reason: "keys of \(user.name)")
    }

    /// sshd wants folder and file to belong to the user and not to be writable for others (sshd(8), StrictModes).
    mutating func planKeys(of user: ImageFacts.User) throws(PlanError) {
        let foreign = facts.foreignKeyPath(of: user, called: settings.user ?? user.name)
        if let (path, line) = foreign, path.isBelow(user.home) {
            warn("sshd looks for keys in \(path) (\(line.origin): \(line.text)), so they go there")
        }
        if let (path, line) = foreign, !path.isBelow(user.home) {
            return try planForeignKeys(path, line, of: user)
        }
        let reason = "keys of \(user.name)"
        let folder = FileNode.Metadata(mode: 0o700, owner: user.id, group: user.group)
        let file = FileNode.Metadata(mode: 0o600, owner: user.id, group: user.group)
        var paths = AuthorizedKeysSetting.paths(in: user.home)
        if paths.count == 2, let path = foreign?.path, path.parent == paths[0] { paths[1] = path }
        guard paths.count == 2, let found = facts.found(.root, paths[1]) else {
            throw .notLookedAt(Target(.root, user.home))
        }
        if facts.found(.root, user.home)?.kind == nil {
            try put(
                user.home, .directory, .init(mode: 0o755, owner: user.id, group: user.group), reason: reason)
        }
        try put(paths[0], .directory, folder, reason: reason)
        let rules = settings.authorizedKeys.map { TextRule.ensureAuthorizedKey($0) }
        let isAccepted = found.own.map { old in
            // A link is left to the edit to refuse: what it leads to is nobody's keys.
            old.kind != .file || [0, user.id].contains(old.metadata.owner) && old.metadata.mode & 0o022 == 0
        }
        let target = Target(.root, found.path)
        if isAccepted ?? true {
            try draft.add(Edit(target, .rewrite(rules, missing: file), reason: reason))
        } else {
            let text: String
            do { text = try rules.applied(to: facts.text(.root, paths[1]) ?? "") } catch {
                throw .edit(.rule(target, error))
            }
            try put(paths[1], .file(TextBytes.encode(text)), file, reason: reason)
        }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let authorizedKey = TextFormat(
        "public key", pattern: "(ssh-|ecdsa-|sk-)[a-z0-9@.-]+[ \\t]+[A-Za-z0-9+/]+=*", check: Validation.authorizedKey)
}
