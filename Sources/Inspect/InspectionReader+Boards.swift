import Readers
import Plans
import Trees

extension InspectionReader {
    /// The boards in a report: those that nodes are, and what controllers usually are.
    static let reportedBoards: [Board] = [.zero, .zero2W, .pi4, .pi5]

    mutating func boards() throws(VolumeError) -> [Inspection.BoardReport] {
        try checkConfigForm()
        let names = Set(try source.names(.boot, .root).map { $0.lowercased() })
        var reports: [Inspection.BoardReport] = []
        let is64Bit = try architecture() == .arm64
        for board in Board.allCases {
            let settings = facts.effectiveConfig(for: board)
            let files = BoardFiles(board, settings)
            var missing = is64Bit && !files.is64Bit ? ["a 32-bit system"] : []
            for need in files.needs {
                var isThere = false
                for name in need where try isOnBoot(name, names) { isThere = true }
                if !isThere { missing.append(need.joined(separator: " or ")) }
            }
            reports.append(
                .init(
                    board: board.rawValue, missing: missing,
                    config: settings.map { .init(key: $0.key, value: $0.value) }))
            if Self.reportedBoards.contains(board) { checkMemory(files, name: board.title) }
        }
        checkBootable(reports)
        checkGadgetMode()
        return reports.filter { report in Self.reportedBoards.contains { $0.rawValue == report.board } }
    }

    /// `name` may hold a `*`, in the boot partition's root folder only.
    private func isOnBoot(_ name: String, _ names: Set<String>) throws(VolumeError) -> Bool {
        let small = name.lowercased()
        if names.contains(small) { return true }
        if small.contains("*") { return names.contains { Wildcard(small).matches($0) } }
        guard name.contains("/"), let path = VolumePath("/" + name) else { return false }
        return try source.exists(.boot, path)
    }

    private mutating func checkConfigForm() throws(VolumeError) {
        guard let bytes = try source.bytes(.boot, "/config.txt") else {
            report(.warning, .configMissing, "the boot partition has no config.txt: the firmware's defaults hold")
            return
        }
        let file = FirmwareText(bytes)
        for oddity in file.oddities { report(oddity, as: .configForm, of: "config.txt") }
        let lines = ImageFiles.lines(of: file.bytes)
        var section = "all"
        for (index, line) in lines.enumerated() {
            if line.utf8.count > ConfigText.columnLimit {
                report(
                    .warning,
                    .configLineLength,
                    "line \(index + 1) of config.txt has \(line.utf8.count) characters; from the "
                        + "\(ConfigText.columnLimit + 1)th on the firmware ignores them or takes them for another line",
                    hint: "split it into several lines")
            }
            let text = line.trimmedBlanks
            if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                section = String(text[text.index(after: text.startIndex)..<end])
            }
        }
        if section != "all" {
            report(
                .warning, .configOpenFilter,
                "config.txt ends inside [\(section)]: a line added at its end holds for that alone",
                hint: "end it with a line [all]")
        }
        for name in facts.config.includes where facts.configFile(name) == nil {
            report(
                .warning, .configIncludeMissing, "config.txt includes \(name), which the boot partition does not have")
        }
    }

    private mutating func checkMemory(_ files: BoardFiles, name: String) {
        guard let memory = files.gpuMemory else { return }
        if memory < BoardFiles.fullFirmwareMemory {
            if files.turnsCameraOff {
                report(
                    .note, .cameraOff,
                    "start_x=0 keeps the camera's firmware off: it does not start in the \(memory) MiB "
                        + "that gpu_mem gives a \(name)")
            }
            if let entry = files.fullFirmware {
                report(
                    .error, .gpuMemFirmware,
                    "\(entry.key)=\(entry.value) asks a \(name) for firmware that does not "
                        + "start in the \(memory) MiB of gpu_mem",
                    hint: "set gpu_mem to 128 or more, or remove \(entry.key)")
            }
        }
        if memory < 16 {
            report(
                .error, .gpuMemTooSmall,
                "gpu_mem=\(memory) for the \(name) is less than the 16 that the firmware needs",
                hint: "set gpu_mem=16")
        }
    }

    /// Nobody needs all boards: an error only when none that can play the role boots.
    private mutating func checkBootable(_ reports: [Inspection.BoardReport]) {
        let role = slot?.boards ?? Board.allCases
        var broken: [(board: Board, missing: String)] = []
        for board in role {
            guard let report = reports.first(where: { $0.board == board.rawValue }), !report.missing.isEmpty else {
                continue
            }
            broken.append((board, report.missing.joined(separator: ", ")))
        }
        let isHopeless = broken.count == role.count
        for (board, missing) in broken where Self.reportedBoards.contains(board) {
            report(
                isHopeless ? .error : .note, isHopeless ? .noBootableBoard : .boardCannotBoot,
                "a \(board.title) cannot boot this: it lacks \(missing)")
        }
    }

    /// A node is a USB device, a controller a USB host (8086's scripts, `dtoverlay=dwc2,dr_mode=…`).
    private mutating func checkGadgetMode() {
        guard let slot = convertedSlot else { return }
        let boards: [Board] = slot.isController ? [.pi4, .pi5] : [.zero, .zero2W]
        for board in boards {
            let overlay = facts.config.effective(for: board, including: facts.configFile).last { entry in
                entry.key == "dtoverlay" && (entry.value == "dwc2" || entry.value.hasPrefix("dwc2,"))
            }
            if slot.isController, overlay?.value.contains("dr_mode=peripheral") == true {
                report(
                    .warning, .usbMode, "config.txt makes the \(board.title) a USB device, but \(slot) is a controller",
                    hint: "write dtoverlay=dwc2,dr_mode=host")
            }
            if !slot.isController, overlay?.value.contains("dr_mode=peripheral") != true {
                report(
                    .error, .usbMode,
                    "config.txt does not make the \(board.title) a USB device, so node \(slot) has no network",
                    hint: "write dtoverlay=dwc2,dr_mode=peripheral under [all]")
            }
        }
    }
}

extension Board {
    /// As people call it.
    package var title: String {
        switch self {
        case .zero: "Zero"
        case .zeroW: "Zero W"
        case .zero2W: "Zero 2 W"
        case .pi1: "Pi 1"
        case .pi2: "Pi 2"
        case .pi3: "Pi 3"
        case .pi3Plus: "Pi 3+"
        case .pi4: "Pi 4"
        case .pi400: "Pi 400"
        case .cm4: "CM4"
        case .pi5: "Pi 5"
        case .pi500: "Pi 500"
        case .cm5: "CM5"
        }
    }
}
