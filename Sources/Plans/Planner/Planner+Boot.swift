import Readers
import Trees

/// cmdline.txt and config.txt.
extension Planner {
    /// Every file that the firmware of some board of this role gives to the kernel; usually that is cmdline.txt alone.
    var kernelLinePaths: [VolumePath] {
        let paths = facts.kernelLinePaths(for: slot.isController ? Board.controllers : Board.nodes)
        // What inspects the image later looks at this one.
        return paths.contains(facts.kernelLinePath) ? paths : paths + [facts.kernelLinePath]
    }

    mutating func planKernelLine() throws(PlanError) {
        if medium == .card, case .pending = facts.state, let bytes = facts.bytes(.boot, facts.kernelLinePath) {
            try put(on: .boot, "/cmdline.old", .file(bytes), reason: "the command line before the conversion")
        }
        var reasons = [medium == .card ? "the conversion is done here" : "the root is on the controller"]
        if settings.cgroups == true { reasons.append("container engines need the memory cgroup") }
        if settings.kernelArguments != .init() { reasons.append("kernel arguments") }
        for path in kernelLinePaths {
            guard let bytes = facts.bytes(.boot, path) else {
                throw .missingInImage("boot:\(path), which config.txt names,", purpose: "give the kernel its arguments")
            }
            warnAboutForm(CommandLineFile(bytes), of: path)
            let rules = try kernelLineRules(KernelCommandLine(TextBytes.decode(bytes)), of: path)
            try rewrite(on: .boot, path, rules, reason: reasons.joined(separator: "; "))
        }
    }

    private mutating func warnAboutForm(_ file: CommandLineFile, of path: VolumePath) {
        let name = path.description.dropFirst()
        if path != ImageFacts.usualLinePath {
            warn("config.txt makes the firmware read \(name) instead of cmdline.txt: the kernel arguments go there")
        }
        for oddity in file.oddities {
            switch oddity {
            case .lines(let count):
                warn(
                    "\(name) had \(count) lines; the firmware reads only the first one, the others are dropped")
            case .nul(let place):
                warn(
                    "\(name) has a NUL at byte \(place), at which firmware and kernel stop reading: "
                        + "it and what follows are dropped")
            case .utf16: warn("\(name) is UTF-16, of which the kernel would get two letters: it becomes plain text")
            case .byteOrderMark, .blankFirstLine, .carriageReturns: break
            }
        }
    }

    private mutating func kernelLineRules(
        _ old: KernelCommandLine, of path: VolumePath
    ) throws(PlanError) -> [TextRule] {
        let sets = try kernelArguments(old)
        var rules: [TextRule] = [.removeReconfigInit]
        if medium == .netboot, case .node(let number) = slot {
            if !isNetbootBefore { rules.append(.removeKernelArgument("init")) }
            rules.append(.setNetworkRoot(Self.networkRoot(of: number)))
        }
        if !sets.contains(where: Self.isGadgetConsole) {
            rules += old.arguments.map(\.text).filter(Self.isGadgetConsole).map { .removeKernelArgument($0) }
            rules.append(.removeKernelArgument("console=ttyGS0"))
        }
        if settings.cgroups == true {
            rules += ["memory", "cpuset"].map { .removeKernelListItem($0, key: "cgroup_disable") }
        } else if settings.cgroups == false {
            rules += Self.cgroupArguments.map { .removeKernelArgument($0) }
        }
        if hasImagerScript {
            rules += ["systemd.run", "systemd.run_success_action", "systemd.unit=kernel-command-line.target"].map {
                .removeKernelArgument($0)
            }
        }
        if let name = old.values(of: "systemd.hostname").last,
            !settings.kernelArguments.set.contains(where: { KernelCommandLine.key(of: $0) == "systemd.hostname" })
        {
            rules.append(.removeKernelArgument("systemd.hostname"))
            warn("systemd.hostname=\(name) goes from \(path.description.dropFirst()): it would undo the host name")
        }
        rules += settings.kernelArguments.remove.map { .removeKernelArgument($0) }
        return rules + sets.map { .setKernelArgument($0) }
    }

    private static let cgroupArguments = ["cgroup_enable=cpuset", "cgroup_memory=1", "cgroup_enable=memory"]

    private static func isGadgetConsole(_ argument: String) -> Bool {
        argument == "console=ttyGS0" || argument.hasPrefix("console=ttyGS0,")
    }

    /// Everything to be set, checked to hold together: the chained first boot, what settings need, what the user wants.
    private func kernelArguments(_ old: KernelCommandLine) throws(PlanError) -> [String] {
        let own = settings.kernelArguments
        var sets: [String] = []
        var changed = old
        changed.removeReconfigInit()
        let isInitTheirs = (own.set + own.remove).contains { KernelCommandLine.key(of: $0) == "init" }
        switch medium {
        case .card where !facts.isConvertedBefore && changed.values(of: "init").isEmpty && !isInitTheirs:
            if let first = facts.firstBootInit { sets.append(first) }
        case .netboot where !isNetbootBefore && !isInitTheirs && release == .bookworm:
            // Before bookworm it would look for a partition to grow; here it only makes host keys.
            if facts.exists(.root, ImageFacts.firstbootPath) { sets.append("init=\(ImageFacts.firstbootPath)") }
        case .card, .netboot: break
        }
        if settings.cgroups == true { sets += Self.cgroupArguments }
        if let country = settings.wifi?.country, release == .bookworm {
            sets.append("cfg80211.ieee80211_regdom=\(country)")
        }
        for argument in own.set where !sets.contains(argument) {
            let key = KernelCommandLine.key(of: argument)
            try checkNetworkRoot(argument, key)
            if !KernelCommandLine.accumulates(key),
                let other = sets.first(where: { KernelCommandLine.key(of: $0) == key })
            {
                throw .contradiction(other, argument)
            }
            if settings.cgroups == true, key == "cgroup_disable",
                let item = argument.split(separator: "=").last?.split(separator: ",").first(where: {
                    $0 == "memory" || $0 == "cpuset"
                })
            {
                throw .contradiction("cgroup_enable=\(item)", argument)
            }
            if settings.cgroups == false, Self.cgroupArguments.contains(argument) {
                throw .contradiction("cgroups: false", argument)
            }
            sets.append(argument)
        }
        for pattern in own.remove {
            let key = KernelCommandLine.key(of: pattern)
            try checkNetworkRoot("the removal of \(pattern)", key)
            if let other = sets.first(where: {
                pattern.contains("=") ? $0 == pattern : KernelCommandLine.key(of: $0) == key
            }) {
                throw .contradiction("kernel argument \(other)", "the removal of \(pattern)")
            }
        }
        return sets
    }

    private func checkNetworkRoot(_ wish: String, _ key: String) throws(PlanError) {
        guard medium == .netboot, Self.networkRootKeys.contains(key), wish != "fsck.mode=skip" else { return }
        throw .contradiction("the root over the network", "kernel argument \(wish)")
    }

    /// The base brings a first-boot script of Raspberry Pi Imager that the profile did not ask for.
    var hasImagerScript: Bool {
        facts.exists(.boot, "/firstrun.sh") && !facts.kernelCommandLine.values(of: "systemd.run").isEmpty
            && !settings.kernelArguments.set.contains { $0.hasPrefix("systemd.run") } && !bringsBootFile("firstrun.sh")
    }

    func bringsBootFile(_ name: String) -> Bool {
        settings.files.contains {
            $0.target.partition == .boot && $0.target.path.components.map { $0.lowercased() } == [name]
        }
    }

    mutating func checkKernelLine(_ text: String) {
        if text.utf8.count > KernelCommandLine.advisedBytes {
            warn(
                "cmdline.txt has \(text.utf8.count) bytes; firmware and device tree add some 300, "
                    + "and 32-bit kernels take 1024 in all")
        }
        guard let root = KernelCommandLine(text).values(of: "root").last else {
            return warn("cmdline.txt names no root=: the kernel will not find its root file system")
        }
        if let id = facts.diskID, root.hasPrefix("PARTUUID=") {
            let digits = String(id, radix: 16)
            let wanted = "PARTUUID=" + String(repeating: "0", count: 8 - digits.count) + digits
            if !root.lowercased().hasPrefix(wanted.lowercased() + "-") {
                warn("cmdline.txt names root=\(root), but the disk's partitions are \(wanted)-…")
            }
        }
    }
}

extension Planner {
    mutating func planConfig() throws(PlanError) {
        var rules: [TextRule] = []
        if let memory = settings.gpuMemory {
            rules += ["gpu_mem_256", "gpu_mem_512", "gpu_mem_1024"].map { .removeConfigKey(section: nil, key: $0) }
            rules.append(
                .setConfigKey(section: "all", key: "gpu_mem", value: String(memory), overriding: true))
        }
        var removals: [TextRule] = []
        var sets: [TextRule] = []
        var seen: [String: String] = [:]
        for section in settings.config {
            for entry in section.entries {
                let place = "[\(section.name)] \(entry.key)"
                guard let value = entry.value else {
                    if let other = seen[place] { throw .contradiction("\(place)=\(other)", "its removal") }
                    removals.append(.removeConfigKey(section: section.name, key: entry.key))
                    continue
                }
                try checkConfigEntry(section.name, entry.key, value, seen[place])
                seen[place] = value
                let isAlone = !settings.config.contains { other in
                    other.name != section.name && other.entries.contains { $0.key == entry.key && $0.value != nil }
                }
                sets.append(
                    .setConfigKey(
                        section: section.name, key: entry.key, value: value,
                        overriding: section.name == "all" && isAlone))
            }
        }
        rules += removals + sets
        guard !rules.isEmpty else { return }
        try rewrite(
            on: .boot, "/config.txt", rules,
            reason: settings.gpuMemory.map { "gpu_mem \($0)" } ?? "config.txt settings")
    }

    private func checkConfigEntry(
        _ section: String, _ key: String, _ value: String, _ other: String?
    ) throws(PlanError) {
        if let other, !ConfigText.accumulates(key), other != value {
            throw .contradiction("[\(section)] \(key)=\(other)", "\(key)=\(value)")
        }
        if key == "gpu_mem", let memory = settings.gpuMemory, section != "all" || value != String(memory) {
            throw .contradiction("gpu_mem \(memory)", "[\(section)] gpu_mem=\(value)")
        }
        if settings.gpuMemory != nil, ["gpu_mem_256", "gpu_mem_512", "gpu_mem_1024"].contains(key) {
            throw .contradiction("gpu_mem", "\(key)=\(value)")
        }
        let removed = settings.config.contains { other in
            other.name == section && other.entries.contains { $0.key == key && $0.value == nil }
        }
        if removed { throw .contradiction("[\(section)] \(key)=\(value)", "its removal") }
        if key == "dtoverlay", value == "dwc2" || value.hasPrefix("dwc2,"), section == "all" {
            let mode = "dwc2,dr_mode=\(slot.isController ? "host" : "peripheral")"
            if value != mode { throw .contradiction("the USB mode dtoverlay=\(mode)", "dtoverlay=\(value)") }
        }
    }

    /// Whether an include has the last word on something that was set for all boards.
    mutating func checkConfig(_ config: ConfigText) {
        var wanted = settings.config.filter { $0.name == "all" }.flatMap(\.entries)
        if let memory = settings.gpuMemory { wanted.append(.init(key: "gpu_mem", value: String(memory))) }
        for entry in wanted where !ConfigText.accumulates(entry.key) {
            let isOverridden = settings.config.contains { section in
                section.name != "all" && section.entries.contains { $0.key == entry.key }
            }
            guard let value = entry.value, !isOverridden else { continue }
            for board in slot.isController ? Board.controllers : Board.nodes {
                let effective = config.effective(for: board, including: facts.configFile)
                guard let found = effective.last(where: { $0.key == entry.key })?.value, found != value else {
                    continue
                }
                warn("config.txt includes a file that sets \(entry.key)=\(found) after \(entry.key)=\(value)")
            }
        }
    }
}
