/// Memory of the GPU; `ConfigSetting` plans it with the rest of config.txt.
enum GPUMemorySetting: Setting {
    typealias Value = Int?

    /// In MiB (raspberrypi/documentation, config_txt/memory.adoc).
    private static let range = 16...944

    static let keys = [
        SchemaKey(
            "gpu_mem", .integer(range), "Memory of the GPU in MiB.", example: "16",
            option: .init("Memory for the GPU in MiB, 16 to 944.", valueName: "MiB"))
    ]

    static let template = """

        # MiB for the GPU; 16 is enough without a screen.
        gpu_mem: 16
        """

    /// Keys that go before `gpu_mem` on boards with that much memory.
    static let boardKeys = ["gpu_mem_256", "gpu_mem_512", "gpu_mem_1024"]

    /// `gpu_mem` beside a `gpu_mem` in a section of `config`: which one counts would depend on the file's order.
    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard let setting = layer.entry(name) else { return [] }
        return layer.entries("config").compactMap { entry in
            guard case .config(let section, "gpu_mem", .some) = entry.value else { return nil }
            return ProfileProblem(
                entry.position,
                "`gpu_mem` in [\(section)] contradicts the setting `gpu_mem` (\(setting.position.origin))",
                hint: "keep one of them")
        }
    }

    static func rules(_ memory: Int) -> [TextRule] {
        boardKeys.map { .removeConfigKey(section: nil, key: $0) }
            + [.setConfigKey(section: "all", key: "gpu_mem", value: String(memory), overriding: true)]
    }

    /// Below this much memory only the cut-down firmware starts, and what asks for another one has to go.
    static func firmwareRules(_ memory: Int, _ planner: inout Planner) throws(PlanError) -> [TextRule] {
        guard memory < BoardFiles.fullFirmwareMemory else { return [] }
        let boards = planner.slot.boards
        let lines = planner.facts.config.fullFirmwareSettings(for: boards)
        let own = planner.settings.config.flatMap(\.entries)
        for line in lines {
            if own.contains(where: { $0.key == line.key && $0.value == line.value }) {
                throw .contradiction("gpu_mem \(memory)", "\(line.key)=\(line.value)")
            }
            planner.warn(
                "config.txt's \(line.key)=\(line.value) is turned off: that firmware does not start in the \(memory) MiB of "
                    + "gpu_mem, so the camera is off")
        }
        return lines.isEmpty ? [] : [.turnFullFirmwareOff(boards)]
    }

    /// Throws when a line of the user's has another word on it.
    static func check(_ section: String, _ key: String, _ value: String, _ settings: Settings) throws(PlanError) {
        guard let memory = settings.gpuMemory else { return }
        if key == "gpu_mem", section != "all" || value != String(memory) {
            throw .contradiction("gpu_mem \(memory)", "[\(section)] gpu_mem=\(value)")
        }
        if boardKeys.contains(key) { throw .contradiction("gpu_mem", "\(key)=\(value)") }
    }
}

extension Settings {
    /// Memory for the GPU in MiB, 16...944.
    package var gpuMemory: Int? {
        get { self[GPUMemorySetting.self] }
        set { self[GPUMemorySetting.self] = newValue }
    }
}
