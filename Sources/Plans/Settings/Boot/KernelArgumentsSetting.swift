/// Arguments of the kernel's command line, cmdline.txt; they are planned with the rest of that line.
enum KernelArgumentsSetting: Setting {
    typealias Value = Settings.KernelArguments

    static let keys = [
        SchemaKey(
            "kernel_arguments",
            .object([
                SchemaKey(
                    "set", .list(.text(.kernelArgument)),
                    "Arguments to add; one of the same key is replaced (not `console`).",
                    example: "[quiet, console=tty1]"),
                SchemaKey(
                    "remove", .list(.text(.removedKernelArgument)),
                    "Arguments to remove: `key` (each of that key) or `key=value`.", example: "[splash]"),
            ]), "Arguments in cmdline.txt.", example: "")
    ]

    static let template = "# kernel_arguments: {set: [quiet], remove: [splash]}"

    static let unset = Settings.KernelArguments()

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        var value = unset
        for entry in entries {
            guard let argument = entry.value.text else { continue }
            if entry.key == "kernel_arguments.set" {
                value.set.append(argument)
            } else {
                value.remove.append(argument)
            }
        }
        return value
    }

    /// `key=value` takes the place of every argument of that key; consoles stand beside each other.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        let argument = entry.value.text ?? ""
        let key = Validation.kernelKey(argument)
        var joining = Joining.once("\(entry.key) \(argument)")
        if entry.key == "kernel_arguments.set" {
            joining.groups = ["set key \(key)", "set \(argument)"]
            joining.drops =
                key == "console"
                ? ["remove \(argument)", "remove \(key)"] : ["set key \(key)", "remove key \(key)"]
        } else {
            joining.groups = ["remove key \(key)", "remove \(argument)"]
            joining.drops = argument == key ? ["set key \(key)"] : ["set \(argument)"]
        }
        return joining
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        check(node["set"]?.items ?? [], removed: node["remove"]?.items ?? [], &decoder)
        return SettingsDecoder.entries(node, path: name, type: key.type)
    }

    /// Reports what contradicts itself in one place; between places the upper one wins.
    private static func check(
        _ set: [ProfileNode], removed: [ProfileNode], _ decoder: inout SettingsDecoder
    ) {
        // The items of each key whose texts differ.
        var distinct: [String: [ProfileNode]] = [:]
        var arguments: Set<String> = []
        for item in set {
            guard let argument = item.text else { continue }
            let key = Validation.kernelKey(argument)
            if key != "console", let rival = distinct[key]?.first(where: { $0.text != argument }) {
                decoder.report(
                    item.position,
                    "`\(argument)` and `\(rival.text ?? "")` (line \(rival.position.line)) set the same kernel argument"
                )
            }
            if arguments.insert(argument).inserted { distinct[key, default: []].append(item) }
        }
        for removed in removed {
            guard let text = removed.text else { continue }
            let isKey = Validation.kernelKey(text) == text
            let hit = isKey ? (distinct[text] ?? []).compactMap(\.text) : arguments.contains(text) ? [text] : []
            for argument in hit {
                decoder.report(
                    removed.position, "`\(argument)` is both set and removed",
                    hint: "`set` replaces what has the same key by itself")
            }
        }
    }
}

extension Settings {
    package struct KernelArguments: Equatable, Sendable {
        /// `key` or `key=value`: replaces every argument of that key (`console=` is added beside the others).
        package var set: [String] = []
        /// `key` removes every argument of that key, `key=value` only that one.
        package var remove: [String] = []
        package init() {}
    }

    package var kernelArguments: KernelArguments {
        get { self[KernelArgumentsSetting.self] }
        set { self[KernelArgumentsSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let kernelArgument = TextFormat("kernel argument", pattern: kernelPattern, check: Validation.kernelArgument)
    static let removedKernelArgument = TextFormat(
        "kernel argument", pattern: kernelPattern, check: Validation.removedKernelArgument)

    private static let kernelPattern = "^[A-Za-z0-9_.][A-Za-z0-9_.-]*(=[!-~]*)?$"
}

extension Validation {
    /// An argument to set: `key` or `key=value`, printable ASCII without blanks, quotes in pairs.
    package static func kernelArgument(_ argument: String) throws(Refusal) {
        let key = try checkedKey(of: argument)
        switch key {
        case "cgroup_enable", "cgroup_disable", "cgroup_memory":
            throw Refusal("`\(key)` is the business of its own setting", hint: "cgroups: true")
        default: break
        }
        guard !argument.contains("firstboot"), key != "resize" else {
            throw Refusal("`\(argument.shortened)` would start Raspberry Pi OS' first boot a second time")
        }
    }

    /// An argument to remove: `key`, or `key=value` for that one alone.
    package static func removedKernelArgument(_ argument: String) throws(Refusal) {
        _ = try checkedKey(of: argument)
    }

    /// The part of a kernel argument before `=`.
    package static func kernelKey(_ argument: String) -> String {
        String(argument.prefix { $0 != "=" })
    }

    private static func checkedKey(of argument: String) throws(Refusal) -> String {
        guard !argument.isEmpty else { throw Refusal("the kernel argument is empty") }
        guard argument.utf8.allSatisfy({ isPrintable($0) && $0 != 0x20 }) else {
            throw Refusal(
                "the kernel argument \"\(argument.shortened)\" has a blank or a character that is not ASCII",
                hint: "one list item for each argument")
        }
        guard argument.utf8.filter({ $0 == UInt8(ascii: "\"") }).count.isMultiple(of: 2) else {
            throw Refusal("the kernel argument \"\(argument.shortened)\" has a quote without its partner")
        }
        let key = kernelKey(argument)
        try characters(key, of: "name of a kernel argument", others: "_-.", hint: "key or key=value")
        guard !key.hasPrefix("-") else {
            throw Refusal("the kernel argument \"\(argument.shortened)\" begins with a hyphen")
        }
        switch key {
        case "init": throw Refusal("`init=` belongs to the conversion of the image, which sets or removes it itself")
        case "root", "rootfstype", "nfsroot", "ip":
            throw Refusal("`\(key)=` belongs to the image: it says where the root file system is")
        default: return key
        }
    }
}
