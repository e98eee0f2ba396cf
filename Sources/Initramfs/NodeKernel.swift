import Readers
package import Plans
import Reports

/// A kernel on the boot partition that some board of a node starts, and the initramfs that goes with it.
package struct NodeKernel: Equatable {
    /// Such as `kernel7.img`.
    package var file: String
    /// Such as `initramfs7`; nil when config.txt names none, so that this kernel starts without.
    package var initramfs: String?
    /// The boards that start it.
    package var boards: [Board]

    /// All of them, by what config.txt says and which files lie beside it; or only those that boards start as things are.
    package static func all(of facts: ImageFacts, bootFiles: [String], onlyStarted: Bool = false) -> [NodeKernel] {
        let names = Set(bootFiles.map { $0.lowercased() })
        var kernels: [NodeKernel] = []
        // A processor of 32 bits starts no system of 64, whatever kernels lie there.
        for board in Board.nodes where facts.architecture != .arm64 || board == .zero2W {
            let settings = facts.config.effective(for: board, including: facts.configFile)
            let present = BoardFiles(board, settings).kernels.filter { names.contains($0.lowercased()) }
            for kernel in onlyStarted ? Array(present.prefix(1)) : present {
                let initramfs = Self.initramfs(for: kernel, settings)
                if let known = kernels.firstIndex(where: { $0.file == kernel && $0.initramfs == initramfs }) {
                    kernels[known].boards.append(board)
                } else {
                    kernels.append(NodeKernel(file: kernel, initramfs: initramfs, boards: [board]))
                }
            }
        }
        return kernels
    }

    /// `initramfs NAME` goes before `auto_initramfs=1`, which takes the kernel's name (Raspberry Pi documentation,
    /// config_txt/boot.adoc): `kernel7.img` → `initramfs7`.
    private static func initramfs(for kernel: String, _ settings: [ConfigText.Entry]) -> String? {
        if let entry = settings.last(where: { $0.key == "initramfs" }) {
            return entry.value.blankSeparated.first?.split(separator: ",").first.map(String.init)
        }
        guard settings.last(where: { $0.key == "auto_initramfs" })?.value == "1", kernel.hasPrefix("kernel") else {
            return nil
        }
        let stem = kernel.hasSuffix(".img") ? kernel.dropLast(4) : kernel[...]
        return "initramfs" + stem.dropFirst("kernel".count)
    }

    /// Which of the folders of /lib/modules is this kernel's, by the name's ending (`-v7+`, `-rpi-v7`); nil when
    /// several or none could be.
    package func guessedVersion(among versions: [String]) -> String? {
        if versions.count == 1 { return versions.first }
        let wanted: String
        switch file {
        case "kernel.img": wanted = "v6"
        case "kernel7.img": wanted = "v7"
        case "kernel7l.img": wanted = "v7l"
        case "kernel8.img": wanted = "v8"
        default: return nil
        }
        let flavours = versions.map { version in
            let last = version.split(whereSeparator: { "-+".contains($0) }).last.map(String.init) ?? ""
            return ["v7", "v7l", "v8", "v6", "2712", "16k"].contains(last) ? last : "v6"
        }
        let found = zip(versions, flavours).filter { $0.1 == wanted }.map(\.0)
        return found.count == 1 ? found.first : nil
    }
}
