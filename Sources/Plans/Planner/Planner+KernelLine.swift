import Readers
import Trees

/// What a setting wants of the kernel's command line.
struct KernelLineWish {
    /// Rules that take out what contradicts it.
    var removals: [TextRule] = []
    /// `key` or `key=value`.
    var arguments: [String] = []
    /// For the plan, in a few words.
    var reason: String?
}

/// cmdline.txt: the conversion's part, then what settings want, then the user's own arguments.
extension Planner {
    /// Every file that the firmware of some board of this role gives to the kernel; usually that is cmdline.txt alone.
    var kernelLinePaths: [VolumePath] {
        let paths = facts.kernelLinePaths(for: slot.boards)
        // What inspects the image later looks at this one.
        return paths.contains(facts.kernelLinePath) ? paths : paths + [facts.kernelLinePath]
    }

    mutating func planKernelLine() throws(PlanError) {
        if medium == .card, case .pending = facts.state, let bytes = facts.bytes(.boot, facts.kernelLinePath) {
            try put(on: .boot, "/cmdline.old", .file(bytes), reason: "the command line before the conversion")
        }
        let wishes = Settings.table.map { $0.kernelLine(self) }
        var reasons = [lineReason]
        reasons += wishes.compactMap(\.reason)
        if settings.kernelArguments != .init() { reasons.append("kernel arguments") }
        for path in kernelLinePaths {
            guard let bytes = facts.bytes(.boot, path) else {
                throw missingLine(path)
            }
            warnAboutForm(CommandLineFile(bytes), of: path)
            let rules = try kernelLineRules(KernelCommandLine(TextBytes.decode(bytes)), of: path, wishes)
            try rewrite(on: .boot, path, rules, reason: reasons.joined(separator: "; "))
        }
    }

    private var lineReason: String {
        switch (medium, kind) {
        case (.netboot, _): "the root is on the controller"
        case (.card, .clusterCTRL): "the conversion is done here"
        case (.card, .stock): "the kernel reads one line"
        }
    }

    private func missingLine(_ path: VolumePath) -> PlanError {
        .missingKernelLine(path, namedBy: facts.kernelLineOrigin(of: path))
    }

    private mutating func warnAboutForm(_ file: CommandLineFile, of path: VolumePath) {
        let name = path.description.dropFirst()
        if path != ImageFacts.usualLinePath, Board.allCases.contains(where: { facts.kernelLinePath(for: $0) == path }) {
            warn("config.txt makes the firmware read \(name) instead of cmdline.txt: the kernel arguments go there")
        }
        for oddity in file.oddities {
            switch oddity {
            case .blankFirstLine, .carriageReturns: break
            case .form(let oddity): warn(Self.said(of: oddity, in: String(name)))
            case .lines(let count):
                warn(
                    "\(name) had \(count) lines; the firmware reads only the first one, the others are dropped")
            case .brokenLine(let count):
                warn(
                    "\(name) had \(count) lines and root= in a later one, of which the firmware reads only the first: "
                        + "they become one")
            }
        }
    }

    /// What makes plain text of config.txt when it is none.
    mutating func configFormRules() -> [TextRule] {
        let oddities = facts.bytes(.boot, "/config.txt").map { FirmwareText($0).oddities } ?? []
        for oddity in oddities { warn(Self.said(of: oddity, in: "config.txt")) }
        return oddities.isEmpty ? [] : [.plainText]
    }

    private static func said(of oddity: FirmwareText.Oddity, in name: String) -> String {
        switch oddity {
        case .utf16: "\(name) is UTF-16, of which the firmware would get two letters: it becomes plain text"
        case .byteOrderMark: "\(name) begins with a byte order mark, which spoils its first line: it goes"
        case .nul(let place):
            "\(name) has a NUL at byte \(place), at which firmware and kernel stop reading: it and what follows are "
                + "dropped"
        case .garbage(let count): "\(name) ends in \(count) bytes that are no text: they are dropped"
        case .noBreakSpaces(let count):
            "\(name) has \(count) no-break spaces, which separate no words: they become plain ones"
        case .oldLineEnds: "\(name) has lines that end in CR alone, which the firmware takes for one: they get LF"
        }
    }

    private mutating func kernelLineRules(
        _ old: KernelCommandLine, of path: VolumePath, _ wishes: [KernelLineWish]
    ) throws(PlanError) -> [TextRule] {
        let sets = try kernelArguments(old, wishes.flatMap(\.arguments))
        var rules: [TextRule] = [.removeReconfigInit]
        if medium == .netboot, case .node(let number) = slot {
            if !isNetbootBefore { rules.append(.removeKernelArgument("init")) }
            rules.append(.setNetworkRoot(Self.networkRoot(of: number)))
            if release >= .trixie { rules.append(.removeKernelArgument("resize")) }
        }
        if !slot.isPlain, !sets.contains(where: Self.isGadgetConsole) {
            rules += old.arguments.map(\.text).filter(Self.isGadgetConsole).map { .removeKernelArgument($0) }
            rules.append(.removeKernelArgument("console=ttyGS0"))
        }
        rules += wishes.flatMap(\.removals)
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

    private static func isGadgetConsole(_ argument: String) -> Bool {
        argument == "console=ttyGS0" || argument.hasPrefix("console=ttyGS0,")
    }

    /// Everything to be set, checked to hold together: the chained first boot, what settings need, what the user wants.
    private func kernelArguments(_ old: KernelCommandLine, _ wanted: [String]) throws(PlanError) -> [String] {
        let own = settings.kernelArguments
        var sets = firstBootArguments(old) + wanted
        var byKey = Dictionary(
            sets.map { (KernelCommandLine.key(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
        var all = Set(sets)
        for argument in own.set where !all.contains(argument) {
            let key = KernelCommandLine.key(of: argument)
            try checkNetworkRoot(argument, key)
            if !KernelCommandLine.accumulates(key), let other = byKey[key] { throw .contradiction(other, argument) }
            try CgroupsSetting.check(argument, settings)
            sets.append(argument)
            all.insert(argument)
            byKey[key] = byKey[key] ?? argument
        }
        for pattern in own.remove {
            let key = KernelCommandLine.key(of: pattern)
            try checkNetworkRoot("the removal of \(pattern)", key)
            let other = pattern.contains("=") ? all.contains(pattern) ? pattern : nil : byKey[key]
            if let other { throw .contradiction("kernel argument \(other)", "the removal of \(pattern)") }
        }
        return sets
    }

    /// The program that the first boot chains, where it is not there already and the user has nothing to say of it.
    private func firstBootArguments(_ old: KernelCommandLine) -> [String] {
        let own = settings.kernelArguments
        if (own.set + own.remove).contains(where: { KernelCommandLine.key(of: $0) == "init" }) { return [] }
        switch medium {
        case .card:
            // A stock image has its own, and one that has run must not grow again.
            guard kind == .clusterCTRL else { return [] }
            var line = old
            line.removeReconfigInit()
            guard !facts.isConvertedBefore, line.values(of: "init").isEmpty else { return [] }
            return facts.firstBootInit.map { [$0] } ?? []
        case .netboot:
            guard !isNetbootBefore, chainsFirstboot else { return [] }
            return ["init=\(ImageFacts.firstbootPath)"]
        }
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
