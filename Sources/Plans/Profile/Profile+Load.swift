extension Profile {
    /// Decodes a profile; throws everything that is wrong with it at once.
    ///
    /// `name` is the file's name for messages, `files` reads what the profile names, relative to its folder.
    package static func load(
        _ bytes: [UInt8], name: String, files: any ProfileFiles
    ) throws(ProfileErrors) -> Profile {
        let (root, problems) = try ProfileComposer.compose(bytes, name: name)
        let start = ProfilePosition(file: name, line: 1, column: 1)
        guard let root, !root.isNull else {
            throw ProfileErrors([
                ProfileProblem(start, "the profile is empty", hint: "piforge init writes one to start from")
            ])
        }
        guard case .map = root.content else {
            throw ProfileErrors([
                ProfileProblem(
                    root.position, "a profile is a mapping, not \(root.summary)", hint: "version: \(Schema.version)")
            ])
        }
        var loader = ProfileLoader(name: name, files: files, problems: problems)
        let profile = loader.profile(root)
        guard loader.problems.isEmpty else { throw ProfileErrors(loader.problems) }
        return profile
    }

    /// As `load(_:name:files:)` for a text.
    package static func load(
        text: String, name: String, files: any ProfileFiles = NoProfileFiles()
    ) throws(ProfileErrors) -> Profile {
        try load(Array(text.utf8), name: name, files: files)
    }
}

/// Reads the top level of a profile.
private struct ProfileLoader {
    let name: String
    var decoder: SettingsDecoder
    var problems: [ProfileProblem]

    init(name: String, files: any ProfileFiles, problems: [ProfileProblem]) {
        self.name = name
        decoder = SettingsDecoder(files: files)
        self.problems = problems
    }

    mutating func profile(_ root: ProfileNode) -> Profile {
        var checker = SchemaChecker()
        var head = root
        head.content = .map(root.pairs.filter { $0.key != "defaults" && $0.key != "slots" })
        let known = Schema.profileKeys.map(\.name) + ["defaults", "slots"]
        for pair in head.pairs where !known.contains(pair.key) {
            checker.reportUnknown(pair, keys: known, name: name)
        }
        head.content = .map(head.pairs.filter { known.contains($0.key) })
        let top = checker.checkObject(head, Schema.profileKeys, name: name)

        var settings = top
        settings?.content = .map(
            top?.pairs.filter { Settings.byKey[$0.key]?.key.scope.contains(.profile) == true } ?? [])
        var defaults = settings.map { decoder.layer($0) } ?? SettingsLayer()
        defaults.merge(layer(root["defaults"], keys: Schema.defaultsKeys, name: "defaults", checker: &checker))
        let slots = slots(root, checker: &checker)

        var profile = Profile(
            name: name, cluster: top?["cluster"]?.text ?? "", defaults: defaults, slotLayers: slots)
        profile.base = top?["base"].flatMap { Profile.Base($0, &decoder) }
        problems += checker.problems + decoder.problems
        problems += Profile.problems(profile.slots.map { ($0, profile.layer(for: $0)) })
        if problems.isEmpty { problems += profile.fleetProblems() }
        return profile
    }

    private mutating func layer(
        _ node: ProfileNode?, keys: [SchemaKey], name: String, checker: inout SchemaChecker
    ) -> SettingsLayer {
        guard let node, !node.isNull, let checked = checker.checkObject(node, keys, name: name) else {
            return SettingsLayer()
        }
        return decoder.layer(checked)
    }

    private mutating func slots(_ root: ProfileNode, checker: inout SchemaChecker) -> [Slot: SettingsLayer] {
        let hint = "slots: {cnat: {}, p1: {}}"
        guard let node = root["slots"] else {
            checker.report(root.position, "`\(name)` needs the key `slots`", hint: hint)
            return [:]
        }
        guard case .map(let pairs) = node.content else {
            checker.report(node.position, "`slots` takes a mapping of slots, not \(node.summary)", hint: hint)
            return [:]
        }
        if pairs.isEmpty { checker.report(node.position, "the profile has no slot", hint: hint) }
        var result: [Slot: SettingsLayer] = [:]
        for pair in pairs {
            let layer = layer(pair.value, keys: Schema.slotKeys, name: pair.key, checker: &checker)
            do {
                result[try Self.slot(pair)] = layer
            } catch {
                checker.report([ProfileProblem(pair.position, error)])
            }
        }
        return result
    }

    /// A name that is no slot's is a plain machine's when it says so.
    private static func slot(_ pair: ProfileNode.Pair) throws(Refusal) -> Slot {
        let isPlain = pair.value["role"]?.text == Slot.Role.plain.rawValue
        return isPlain && Slot(pair.key) == nil ? try .plain(named: pair.key) : try SlotSelection.slot(pair.key)
    }
}
