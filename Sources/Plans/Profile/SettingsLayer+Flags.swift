extension SettingsLayer {
    /// A setting from the command line.
    package struct Flag: Equatable, Sendable {
        /// A dotted key of the table: `time_zone`, `wifi.ssid`, `config.pi0.dtoverlay`, `hosts.192.168.1.10`.
        package var key: String
        /// A text, taken literally; or YAML in brackets or braces where a list or mapping is wanted.
        package var value: String
        /// What messages and origins call it: `--hostname`, `--set time_zone`.
        package var origin: String

        package init(key: String, value: String, origin: String) {
            self.key = key
            self.value = value
            self.origin = origin
        }

        /// Reads `KEY=VALUE`; the value goes to the end of the text.
        package init(assignment text: String, origin: String = "--set") throws(ProfileErrors) {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw ProfileErrors([
                    ProfileProblem(
                        ProfilePosition(file: origin), "\"\(text.shortened)\" is not of the form KEY=VALUE",
                        hint: "\(origin) time_zone=Europe/Berlin")
                ])
            }
            key = String(text[..<equals])
            value = String(text[text.index(after: equals)...])
            self.origin = "\(origin) \(key)"
        }

        /// A public key as it stands, or the name of a file with some.
        package init(authorizedKey text: String, origin: String = "--authorized-key") {
            let isLine = text.split(separator: " ").contains { Validation.keyTypes.contains(String($0)) }
            let isPasted = isLine || text.hasPrefix("ssh-") || text.contains("PRIVATE KEY")
            self.init(key: isPasted ? "authorized_keys" : "authorized_keys_files", value: text, origin: origin)
        }
    }

    /// The layer that flags make, decoded by the same table as a profile; of two flags for one value the later counts.
    ///
    /// Paths in the flags are resolved by `files`, which the caller sets on the current folder.
    package init(flags: [Flag], files: any ProfileFiles) throws(ProfileErrors) {
        self.init()
        var problems: [ProfileProblem] = []
        var decoder = SettingsDecoder(files: files)
        var layers: [SettingsLayer] = []
        for flag in flags {
            var checker = SchemaChecker()
            do {
                let node = try flag.node()
                if let node = checker.checkObject(node, Schema.flagKeys, name: "the settings") {
                    layers.append(decoder.layer(node))
                }
            } catch {
                problems += error.problems
            }
            problems += checker.problems
        }
        problems += decoder.problems
        guard problems.isEmpty else { throw ProfileErrors(problems) }
        merge(layers)
    }
}

extension SettingsLayer.Flag {
    private var position: ProfilePosition { ProfilePosition(file: origin) }

    private func failure(_ message: String, hint: String?) -> ProfileErrors {
        ProfileErrors([ProfileProblem(position, message, hint: hint)])
    }

    /// The flag as the mapping that a profile would have: `wifi.ssid=Home` is `{wifi: {ssid: Home}}`.
    fileprivate func node() throws(ProfileErrors) -> ProfileNode {
        let names = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let first = names.first, let row = Schema.flagKeys.first(where: { $0.name == first }) else {
            throw failure(
                "unknown key `\(key.shortened)`",
                hint: SchemaSuggestion.hint(for: names.first ?? "", in: Schema.flagKeys.map(\.name)))
        }
        let rest = names.dropFirst()
        switch row.type {
        case .map where !rest.isEmpty:
            let inner = rest.joined(separator: ".")
            return wrap([first, inner], try value(of: .list(.text(.anyText))))
        case .config where !rest.isEmpty:
            guard rest.count <= 2 else {
                throw failure("`\(key.shortened)` has too many parts", hint: "config.SECTION.KEY=VALUE")
            }
            if rest.count == 1, value.hasPrefix("{") { return wrap(names, try parsed()) }
            return wrap(names, try value(of: .list(.text(.anyText)), keepsScalars: true))
        case .object(let keys) where !rest.isEmpty, .objectOrFirst(let keys) where !rest.isEmpty,
            .booleanOr(let keys) where !rest.isEmpty:
            guard rest.count == 1, let name = rest.first, let inner = keys.first(where: { $0.name == name }) else {
                throw failure(
                    "unknown key `\(key.shortened)`",
                    hint: SchemaSuggestion.hint(for: rest.joined(separator: "."), in: keys.map(\.name)))
            }
            return wrap(names, try value(of: inner.type))
        default:
            guard rest.isEmpty else {
                throw failure("`\(first)` has no keys below it", hint: "\(first)=\(row.example)")
            }
            return wrap(names, try value(of: row.type))
        }
    }

    private func wrap(_ names: [String], _ value: ProfileNode) -> ProfileNode {
        names.reversed().reduce(value) { inner, name in
            ProfileNode(
                position: position, content: .map([.init(key: name, position: position, value: inner)]))
        }
    }

    private func value(of type: SchemaType, keepsScalars: Bool = false) throws(ProfileErrors) -> ProfileNode {
        let scalar = ProfileNode(position: position, content: .scalar(value, isPlain: isPlain(for: type)))
        let isYAML = value.hasPrefix("[") || value.hasPrefix("{")
        switch type {
        case .boolean, .integer, .text: return scalar
        case .list, .textOrList:
            guard isYAML else { return keepsScalars ? scalar : list([scalar]) }
            let node = try parsed()
            if case .map = node.content { return list([node]) }
            return node
        case .object, .objectOrFirst, .booleanOr, .map, .config, .json: return isYAML ? try parsed() : scalar
        }
    }

    /// A text from the command line is that text, `null` and `~` included; nothing at all is no value.
    private func isPlain(for type: SchemaType) -> Bool {
        if case .text = type { value.isEmpty } else { true }
    }

    private func list(_ items: [ProfileNode]) -> ProfileNode {
        ProfileNode(position: position, content: .list(items))
    }

    private func parsed() throws(ProfileErrors) -> ProfileNode {
        let result: (root: ProfileNode?, problems: [ProfileProblem])
        do {
            result = try ProfileComposer.compose(Array(value.utf8), name: origin)
        } catch {
            throw failure("the value is not valid YAML", hint: error.problems.first?.hint)
        }
        guard let root = result.root, result.problems.isEmpty else {
            throw ProfileErrors(result.problems.map { ProfileProblem(position, $0.message, hint: $0.hint) })
        }
        return root.placed(at: position)
    }
}

extension ProfileNode {
    /// The same node with one place for all of it: a flag has no lines.
    fileprivate func placed(at position: ProfilePosition) -> ProfileNode {
        switch content {
        case .scalar: ProfileNode(position: position, content: content)
        case .list(let items):
            ProfileNode(position: position, content: .list(items.map { $0.placed(at: position) }))
        case .map(let pairs):
            ProfileNode(
                position: position,
                content: .map(
                    pairs.map { .init(key: $0.key, position: position, value: $0.value.placed(at: position)) }))
        }
    }
}
