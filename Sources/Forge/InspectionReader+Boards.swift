import Plans
import Trees

extension InspectionReader {
    /// The boards that a report tells of: those that nodes are, and what controllers usually are.
    static let reportedBoards: [Board] = [.zero, .zero2W, .pi4, .pi5]

    mutating func boards() throws(VolumeError) -> [Inspection.BoardReport] {
        try checkConfigForm()
        let names = Set(try source.names(.boot, .root).map { $0.lowercased() })
        var reports: [Inspection.BoardReport] = []
        let is64Bit = try architecture() == .arm64
        for board in Board.allCases {
            let settings = facts.config.effective(for: board, including: facts.configFile)
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
        if small.contains("*") { return names.contains { Inspection.Wildcard(small).matches($0) } }
        guard name.contains("/"), let path = VolumePath("/" + name) else { return false }
        return try source.exists(.boot, path)
    }

    private mutating func checkConfigForm() throws(VolumeError) {
        guard let lines = try source.lines(.boot, "/config.txt") else {
            report(.warning, "the boot partition has no config.txt: the firmware's defaults hold")
            return
        }
        var section = "all"
        for (index, line) in lines.enumerated() {
            if line.utf8.count > ConfigText.columnLimit {
                report(
                    .warning,
                    "line \(index + 1) of config.txt has \(line.utf8.count) characters; from the "
                        + "\(ConfigText.columnLimit + 1)th on the firmware ignores them or takes them for another line",
                    hint: "split it into several lines")
            }
            let text = line.trimmedLine
            if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                section = String(text[text.index(after: text.startIndex)..<end])
            }
        }
        if section != "all" {
            report(
                .warning, "config.txt ends inside [\(section)]: a line added at its end holds for that alone",
                hint: "end it with a line [all]")
        }
        for name in facts.config.includes where facts.configFile(name) == nil {
            report(.warning, "config.txt includes \(name), which the boot partition does not have")
        }
    }

    private mutating func checkMemory(_ files: BoardFiles, name: String) {
        guard let memory = files.gpuMemory else { return }
        if memory < 16 {
            report(
                .error, "gpu_mem=\(memory) for the \(name) is less than the 16 that the firmware needs",
                hint: "set gpu_mem=16")
        }
    }

    /// Nobody needs all boards: an error only when none that can play the role boots.
    private mutating func checkBootable(_ reports: [Inspection.BoardReport]) {
        let role = slot.map { $0.isController ? Board.controllers : Board.nodes } ?? Board.allCases
        var broken: [(board: Board, missing: String)] = []
        for board in role {
            guard let report = reports.first(where: { $0.board == board.rawValue }), !report.missing.isEmpty else {
                continue
            }
            broken.append((board, report.missing.joined(separator: ", ")))
        }
        let isHopeless = broken.count == role.count
        for (board, missing) in broken where Self.reportedBoards.contains(board) {
            report(isHopeless ? .error : .note, "a \(board.title) cannot boot this: it lacks \(missing)")
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
                    .warning, "config.txt makes the \(board.title) a USB device, but \(slot) is a controller",
                    hint: "write dtoverlay=dwc2,dr_mode=host")
            }
            if !slot.isController, overlay?.value.contains("dr_mode=peripheral") != true {
                report(
                    .error, "config.txt does not make the \(board.title) a USB device, so node \(slot) has no network",
                    hint: "write dtoverlay=dwc2,dr_mode=peripheral under [all]")
            }
        }
    }
}

extension Board {
    /// As people call it.
    var title: String {
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

/// Which files the firmware of a board looks for on the boot partition, under given settings (Raspberry Pi
/// documentation, boot_folder.adoc and config_txt/boot.adoc).
struct BoardFiles {
    private let board: Board
    private let values: [String: String]
    private let initramfs: [String]

    init(_ board: Board, _ settings: [ConfigText.Entry]) {
        self.board = board
        values = Dictionary(settings.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        initramfs =
            settings.last { $0.key == "initramfs" }.map { entry in
                entry.value.blankSeparated.first.map { $0.split(separator: ",").map(String.init) } ?? []
            } ?? []
    }

    /// Whether the processor runs 64-bit programs.
    var is64Bit: Bool { board != .zero && board != .zeroW && board != .pi1 }

    private var isPi4: Bool { [.pi4, .pi400, .cm4].contains(board) }
    private var isPi5: Bool { [.pi5, .pi500, .cm5].contains(board) }

    /// MiB that config.txt gives the GPU; nil when it says nothing. A board's own size key goes before `gpu_mem`.
    var gpuMemory: Int? {
        let own = isPi4 ? "gpu_mem_1024" : isPi5 ? "" : "gpu_mem_512"
        return (values[own] ?? values["gpu_mem"]).flatMap { Int($0) }
    }

    /// Sets of names; of each one file must be there.
    var needs: [[String]] {
        let prefix = values["os_prefix"] ?? ""
        var needs = firmware
        needs.append(kernels.map { prefix + $0 })
        if let tree = values["device_tree"] {
            if !tree.isEmpty { needs.append([prefix + tree]) }
        } else {
            needs.append([prefix + deviceTree])
        }
        return needs + initramfs.map { [prefix + $0] }
    }

    private var firmware: [[String]] {
        if isPi5 { return [] }
        let four = isPi4 ? "4" : ""
        var variant = ""
        if values["start_x"] == "1" {
            variant = isPi4 ? "x" : "_x"
        } else if values["start_debug"] == "1" {
            variant = isPi4 ? "db" : "_db"
        } else if let gpuMemory, gpuMemory < 32 {
            variant = isPi4 ? "cd" : "_cd"
        }
        let files = [
            [values["start_file"] ?? "start\(four)\(variant).elf"],
            [values["fixup_file"] ?? "fixup\(four)\(variant).dat"],
        ]
        return isPi4 ? files : [["bootcode.bin"]] + files
    }

    var kernels: [String] {
        if let name = values["kernel"] { return [name] }
        let is32BitWanted = values["arm_64bit"] == "0"
        switch board {
        case .zero, .zeroW, .pi1: return ["kernel.img"]
        case .pi5, .pi500, .cm5: return ["kernel_2712.img", "kernel8.img"]
        case .pi4, .pi400, .cm4: return is32BitWanted ? ["kernel7l.img"] : ["kernel8.img", "kernel7l.img"]
        default: return is32BitWanted ? ["kernel7.img"] : ["kernel8.img", "kernel7.img"]
        }
    }

    private var deviceTree: String {
        switch board {
        case .zero, .zeroW: "bcm2708-rpi-zero*.dtb"
        case .zero2W: "bcm2710-rpi-zero-2*.dtb"
        case .pi1: "bcm2708-rpi-b*.dtb"
        case .pi2: "bcm27*-rpi-2-b.dtb"
        case .pi3, .pi3Plus: "bcm2710-rpi-3-b*.dtb"
        case .pi4: "bcm2711-rpi-4-b.dtb"
        case .pi400: "bcm2711-rpi-400.dtb"
        case .cm4: "bcm2711-rpi-cm4*.dtb"
        case .pi5: "bcm2712*-rpi-5-b.dtb"
        case .pi500: "bcm2712*-rpi-500*.dtb"
        case .cm5: "bcm2712*-rpi-cm5*.dtb"
        }
    }
}
