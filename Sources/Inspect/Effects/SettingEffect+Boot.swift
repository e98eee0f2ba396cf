import Plans
import Readers
import Trees

/// What firmware and kernel make of cmdline.txt and config.txt (Raspberry Pi documentation, config_txt; Linux,
/// kernel/params.c), board by board.
extension EffectJudge {
    mutating func judgeKernelLine() throws(VolumeError) {
        try judgeBootPartition()
        let wanted = (settings.cgroups == true ? Self.cgroupArguments : []) + settings.kernelArguments.set
        let removed = (settings.cgroups == false ? Self.cgroupArguments : []) + settings.kernelArguments.remove
        if wanted.isEmpty && removed.isEmpty { return }
        for path in reader.facts.kernelLinePaths(for: boards) {
            let bytes = try reader.source.bytes(.boot, path) ?? []
            let line = KernelCommandLine(String(decoding: CommandLineFile(bytes).bytes, as: UTF8.self))
            // What follows `--` is for the first program alone (Linux, init/main.c).
            let arguments = Array(line.arguments.prefix { $0.text != "--" })
            for argument in wanted { judge(argument, among: arguments, of: path) }
            for pattern in removed where arguments.contains(where: { Self.isMeant($0, by: pattern) }) {
                guard !wanted.contains(where: { KernelCommandLine.key(of: $0) == KernelCommandLine.key(of: pattern) })
                else { continue }
                refuse(
                    "the removal of \(pattern)", .kernelArgumentStays, "boot:\(path) still has it")
            }
        }
    }

    private static let cgroupArguments = ["cgroup_enable=cpuset", "cgroup_memory=1", "cgroup_enable=memory"]

    private static func isMeant(_ argument: KernelCommandLine.Argument, by pattern: String) -> Bool {
        pattern.contains("=") ? argument.text == pattern : argument.key == KernelCommandLine.key(of: pattern)
    }

    private mutating func judge(
        _ wanted: String, among arguments: [KernelCommandLine.Argument], of path: VolumePath
    ) {
        let setting =
            Self.cgroupArguments.contains(wanted) && settings.cgroups == true ? "cgroups" : "kernel argument \(wanted)"
        let key = KernelCommandLine.key(of: wanted)
        guard let place = arguments.lastIndex(where: { $0.text == wanted }) else {
            return refuse(
                setting, .kernelArgumentLost,
                "the kernel does not get \(wanted): in boot:\(path) it is missing, or "
                    + "stands behind `--`", hint: "remove what follows `--` from the base")
        }
        // The last of two opposite ones counts, in lists too (kernel/cgroup/cgroup.c).
        let opposite = key == "cgroup_enable" ? "cgroup_disable" : key == "cgroup_disable" ? "cgroup_enable" : nil
        let items = Set((arguments[place].value ?? "").split(separator: ","))
        for later in arguments[(place + 1)...] {
            let undoes =
                later.key == opposite && (later.value ?? "").split(separator: ",").contains(where: items.contains)
                || later.key == key && !KernelCommandLine.accumulates(key)
            if undoes {
                return refuse(
                    setting, .kernelArgumentLost, "\(later.text) stands behind \(wanted) in boot:\(path) and wins",
                    hint: "add \(later.text) to kernel_arguments.remove")
            }
        }
    }

    /// autoboot.txt, which the bootloader reads before all else, may send it to another partition.
    private mutating func judgeBootPartition() throws(VolumeError) {
        guard let own = reader.bootPartition?.number, let bytes = try reader.source.bytes(.boot, "/autoboot.txt") else {
            return
        }
        let text = ConfigText(String(decoding: bytes, as: UTF8.self))
        for board in boards {
            guard let value = text.effective(for: board).last(where: { $0.key == "boot_partition" })?.value,
                let number = Int(value), number != own
            else { continue }
            let line = text.origin(of: "boot_partition", for: board)?.line ?? 1
            return refuse(
                "slot \(slot)", .otherBootPartition,
                "the firmware starts partition \(number) (boot:/autoboot.txt:\(line): boot_partition=\(number)), and "
                    + "partition \(own) was edited", hint: "remove boot:/autoboot.txt from the base")
        }
    }

    // MARK: config.txt

    mutating func judgeConfig() throws(VolumeError) {
        try judgeConfigLength()
        if let memory = settings.gpuMemory { judgeMemory(memory) }
        if settings.config.isEmpty { return }
        let filters = settings.config.map { ConfigFilter.all.entering($0.name) }
        let views = boards.map { board in
            // Which sections of the profile itself say something of a key.
            var setters: [String: Set<Int>] = [:]
            for (number, section) in settings.config.enumerated() where filters[number].matches(board) {
                for entry in section.entries where entry.value != nil {
                    setters[entry.key, default: []].insert(number)
                }
            }
            let index = ConfigIndex(reader.facts.config, for: board, including: reader.facts.configFile)
            return (index: index, setters: setters)
        }
        for (number, section) in settings.config.enumerated() {
            for entry in section.entries {
                for view in views where filters[number].matches(view.index.board) {
                    let setters = view.setters[entry.key]
                    let others = (setters?.count ?? 0) - (setters?.contains(number) == true ? 1 : 0)
                    if judge(entry, of: section.name, by: view.index, isSetElsewhere: others > 0) { break }
                }
            }
        }
    }

    /// The bootloader's limit for config.txt.
    private static let configLimit = 16384

    private mutating func judgeConfigLength() throws(VolumeError) {
        guard settings.gpuMemory != nil || !settings.config.isEmpty,
            let count = try reader.source.bytes(.boot, "/config.txt")?.count, count > Self.configLimit
        else { return }
        refuse(
            settings.gpuMemory != nil ? "gpu_mem" : "config", .configTooLong,
            "config.txt has \(count) bytes, of which the firmware reads \(Self.configLimit)",
            hint: "remove comments from the base's config.txt")
    }

    private mutating func judgeMemory(_ memory: Int) {
        for board in boards where board.memoryKey != nil {
            let entries = reader.facts.config.effective(for: board, including: reader.facts.configFile)
            let files = BoardFiles(board, entries)
            if let found = files.gpuMemoryEntry, found.value != memory {
                return refuse(
                    "gpu_mem", .configOverridden,
                    "on a \(board.title) \(found.key)=\(found.value) counts (\(place(of: found.key, for: board)))",
                    hint: "remove that line from the base")
            }
            if memory < BoardFiles.fullFirmwareMemory, let entry = files.fullFirmware {
                return refuse(
                    "gpu_mem", .gpuMemFirmware,
                    "\(entry.key)=\(entry.value) (\(place(of: entry.key, for: board))) asks a \(board.title) for firmware "
                        + "that does not start in \(memory) MiB",
                    hint: "remove that line from the base, or set gpu_mem to 128 or more")
            }
        }
    }

    /// Refuses a line of the profile that is not what counts on a board; returns whether it did.
    private mutating func judge(
        _ entry: Settings.ConfigSection.Entry, of section: String, by index: ConfigIndex, isSetElsewhere: Bool
    ) -> Bool {
        let label = "[\(section)] \(entry.key)"
        let found = index.values(of: entry.key)
        let place = Self.text(index.origin(of: entry.key))
        guard let value = entry.value else {
            guard section == "all", !isSetElsewhere, let last = found.last else { return false }
            refuse(
                "the removal of \(label)", .configStays,
                "on a \(index.board.title) \(entry.key)=\(last) is in effect (\(place))",
                hint: "remove that line from the base")
            return true
        }
        let plain = ConfigText.withoutRemark(value)
        if ConfigText.accumulates(entry.key) {
            if found.contains(plain) { return false }
            refuse(label, .configOverridden, "on a \(index.board.title) \(entry.key)=\(value) is not read")
            return true
        }
        guard !isSetElsewhere, let last = found.last, last != plain else { return false }
        refuse(
            "\(label)=\(value)", .configOverridden,
            "on a \(index.board.title) \(entry.key)=\(last) counts (\(place))",
            hint: "remove that line from the base, or set \(entry.key) in the section that it is in")
        return true
    }

    /// File and line of the last line of a key that counts on a board.
    private func place(of key: String, for board: Board) -> String {
        Self.text(reader.facts.config.origin(of: key, for: board, including: reader.facts.configFile))
    }

    private static func text(_ origin: ConfigText.Origin?) -> String {
        guard let origin else { return "boot:/config.txt" }
        return "boot:/\(origin.file ?? "config.txt"):\(origin.line)"
    }
}
