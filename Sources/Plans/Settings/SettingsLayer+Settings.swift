extension Settings {
    /// The settings that the merged layers of one slot amount to.
    package init(_ layer: SettingsLayer) {
        self.init()
        hostname = layer.text("hostname")
        domain = layer.text("domain")
        ssh = layer.boolean("ssh")
        user = layer.text("user")
        passwordHash = layer.text("password_hash")
        authorizedKeys = layer.texts("authorized_keys")
        passwordLogin = layer.boolean("password_login")
        cgroups = layer.boolean("cgroups")
        kernelArguments.set = layer.texts("kernel_arguments.set")
        kernelArguments.remove = layer.texts("kernel_arguments.remove")
        if case .integer(let number)? = layer.entry("gpu_mem")?.value { gpuMemory = number }
        config = layer.config
        timeZone = layer.text("time_zone")
        locale = layer.text("locale")
        if let layout = layer.text("keyboard.layout") {
            keyboard = Keyboard(
                layout: layout, model: layer.text("keyboard.model"), variant: layer.text("keyboard.variant"),
                options: layer.text("keyboard.options"))
        }
        if let ssid = layer.text("wifi.ssid") {
            wifi = WiFi(
                ssid: ssid, psk: layer.text("wifi.psk"), hidden: layer.boolean("wifi.hidden") ?? false,
                country: layer.text("wifi.country"))
        }
        units.enable = layer.texts("units.enable")
        units.disable = layer.texts("units.disable")
        units.mask = layer.texts("units.mask")
        files = layer.entries("files").compactMap { if case .file(let copy) = $0.value { copy } else { nil } }
        hosts = layer.hosts
        packages = layer.texts("packages")
        commands = layer.texts("run")
        network = layer.boolean("network")
    }
}

extension SettingsLayer {
    fileprivate func text(_ key: String) -> String? {
        if case .text(let text)? = entry(key)?.value { text } else { nil }
    }

    fileprivate func boolean(_ key: String) -> Bool? {
        if case .boolean(let flag)? = entry(key)?.value { flag } else { nil }
    }

    fileprivate func texts(_ key: String) -> [String] {
        entries(key).compactMap { if case .text(let text) = $0.value { text } else { nil } }
    }

    fileprivate var config: [Settings.ConfigSection] {
        var sections: [Settings.ConfigSection] = []
        for entry in entries("config") {
            guard case .config(let name, let key, let value) = entry.value else { continue }
            let new = Settings.ConfigSection.Entry(key: key, value: value)
            if let index = sections.firstIndex(where: { $0.name == name }) {
                sections[index].entries.append(new)
            } else {
                sections.append(Settings.ConfigSection(name: name, entries: [new]))
            }
        }
        return sections
    }

    fileprivate var hosts: [Settings.HostsEntry] {
        var result: [Settings.HostsEntry] = []
        for entry in entries("hosts") {
            guard case .host(let address, let name) = entry.value else { continue }
            if let index = result.firstIndex(where: { $0.address == address }) {
                result[index].names.append(name)
            } else {
                result.append(Settings.HostsEntry(address: address, names: [name]))
            }
        }
        return result
    }
}

// MARK: - What must hold once the layers are merged

extension SettingsLayer {
    /// What contradicts itself or is only half said for a slot.
    func problems(for slot: Slot) -> [ProfileProblem] {
        var problems: [ProfileProblem] = []
        if let entry = entry("hostname"), case .text(let name) = entry.value {
            do {
                try Validation.hostname(name, for: slot)
            } catch {
                problems.append(ProfileProblem(entry.position, error))
            }
        }
        if entry("wifi.ssid") == nil, let other = entries.first(where: { $0.key.hasPrefix("wifi.") }) {
            problems.append(ProfileProblem(other.position, "`wifi` has no `ssid`", hint: "ssid: Home"))
        }
        if entry("keyboard.layout") == nil, let other = entries.first(where: { $0.key.hasPrefix("keyboard.") }) {
            problems.append(ProfileProblem(other.position, "`keyboard` has no `layout`", hint: "layout: gb"))
        }
        return problems + memoryProblems + fileProblems
    }

    /// `gpu_mem` beside a `gpu_mem` in a section of `config`: which one counts would depend on the file's order.
    private var memoryProblems: [ProfileProblem] {
        guard let setting = entry("gpu_mem") else { return [] }
        return entries("config").compactMap { entry in
            guard case .config(let section, "gpu_mem", .some) = entry.value else { return nil }
            return ProfileProblem(
                entry.position,
                "`gpu_mem` in [\(section)] contradicts the setting `gpu_mem` (\(setting.position.origin))",
                hint: "keep one of them")
        }
    }

    /// A path below one that is a file or link.
    private var fileProblems: [ProfileProblem] {
        var leaves: [Target: Entry] = [:]
        for entry in entries("files") {
            if case .file(let copy) = entry.value, copy.content != .directory { leaves[copy.target] = entry }
        }
        return entries("files").compactMap { entry in
            guard case .file(let copy) = entry.value else { return nil }
            for folder in copy.target.path.ancestors {
                let target = Target(copy.target.partition, folder)
                guard let leaf = leaves[target] else { continue }
                return ProfileProblem(
                    entry.position, "\(copy.target) lies below \(target), which is no folder (\(leaf.position.origin))")
            }
            return nil
        }
    }
}
