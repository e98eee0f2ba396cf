import Readers

/// Which files the firmware of a board looks for on the boot partition, under given settings (Raspberry Pi
/// documentation, boot_folder.adoc and config_txt/boot.adoc).
package struct BoardFiles {
    private let board: Board
    private let values: [String: String]
    private let initramfs: [String]

    package init(_ board: Board, _ settings: [ConfigText.Entry]) {
        self.board = board
        values = Dictionary(settings.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        initramfs =
            settings.last { $0.key == "initramfs" }.map { entry in
                entry.value.blankSeparated.first.map { $0.split(separator: ",").map(String.init) } ?? []
            } ?? []
    }

    /// Whether the processor runs 64-bit programs.
    package var is64Bit: Bool { board != .zero && board != .zeroW && board != .pi1 }

    private var isPi4: Bool { [.pi4, .pi400, .cm4].contains(board) }
    private var isPi5: Bool { [.pi5, .pi500, .cm5].contains(board) }

    /// MiB that config.txt gives the GPU; nil when it says nothing.
    package var gpuMemory: Int? { gpuMemoryEntry?.value }

    /// The line that decides: a board's own size key goes before `gpu_mem` (config_txt/memory.adoc).
    package var gpuMemoryEntry: (key: String, value: Int)? {
        for key in [board.memoryKey, "gpu_mem"].compactMap({ $0 }) {
            if let value = values[key].flatMap({ Int($0) }) { return (key, value) }
        }
        return nil
    }

    /// Below this many MiB only the cut-down firmware starts.
    package static let fullFirmwareMemory = 32

    /// The line that asks for other firmware than the cut-down one.
    package var fullFirmware: ConfigText.Entry? {
        if isPi5 { return nil }
        for key in ["start_x", "start_debug"] {
            if let value = values[key], value == "1" { return .init(key: key, value: value) }
        }
        guard let file = values["start_file"], !file.hasSuffix("cd.elf") else { return nil }
        return .init(key: "start_file", value: file)
    }

    /// Something turned the camera's firmware off on purpose.
    package var turnsCameraOff: Bool { values["start_x"] == "0" }

    /// Sets of names; of each one file must be there.
    package var needs: [[String]] {
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

    /// The kernels that the board can start; it takes the first one that is there.
    package var kernels: [String] {
        if let name = values["kernel"] { return [name] }
        // 64 bits are the default of Pi 4s alone (Raspberry Pi documentation, config_txt/boot.adoc).
        let is32BitWanted = values["arm_64bit"] == "0"
        switch board {
        case .zero, .zeroW, .pi1: return ["kernel.img"]
        case .pi5, .pi500, .cm5: return ["kernel_2712.img", "kernel8.img"]
        case .pi4, .pi400, .cm4: return is32BitWanted ? ["kernel7l.img"] : ["kernel8.img", "kernel7l.img"]
        default:
            if is32BitWanted { return ["kernel7.img"] }
            return values["arm_64bit"] == nil ? ["kernel7.img", "kernel8.img"] : ["kernel8.img", "kernel7.img"]
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
