package import Readers
package import Trees

/// Where the firmware takes the kernel's line from (Raspberry Pi documentation, config_txt/boot.adoc).
extension ImageFacts {
    static let usualLinePath: VolumePath = "/cmdline.txt"

    /// The file that the firmware of a board gives to the kernel: `cmdline=` names it, `os_prefix=` stands before its
    /// name.
    package func kernelLinePath(for board: Board) -> VolumePath {
        let settings = config.effective(for: board, including: configFile)
        let name = settings.last { $0.key == "cmdline" }?.value ?? "cmdline.txt"
        let prefix = Self.prefix(in: settings)
        let isUsed = !prefix.isEmpty && Self.kernelPaths(prefix, settings).contains { exists(.boot, $0) }
        return VolumePath("/" + (isUsed ? prefix : "") + name) ?? Self.usualLinePath
    }

    /// The same for several boards; each file once.
    package func kernelLinePaths(for boards: [Board]) -> [VolumePath] {
        var paths: [VolumePath] = []
        for path in boards.map({ kernelLinePath(for: $0) }) where !paths.contains(path) { paths.append(path) }
        return paths
    }

    private static func prefix(in settings: [ConfigText.Entry]) -> String {
        settings.last { $0.key == "os_prefix" }?.value ?? ""
    }

    /// The firmware drops a prefix under which it finds no kernel.
    static func kernelPaths(_ prefix: String, _ settings: [ConfigText.Entry]) -> [VolumePath] {
        let usual = ["kernel.img", "kernel7.img", "kernel7l.img", "kernel8.img", "kernel_2712.img"]
        let own = settings.last { $0.key == "kernel" }?.value
        return (own.map { [$0] } ?? usual).compactMap { VolumePath("/" + prefix + $0) }
    }

    /// The bytes of cmdline.txt, or of the file that stands for it.
    package var kernelLineFile: CommandLineFile? { bytes(.boot, kernelLinePath).map { CommandLineFile($0) } }
}

extension FactsReader {
    /// Looks at every file that some board takes its kernel line from; config.txt and its includes are known already.
    mutating func readKernelLines() throws(PlanError) {
        for board in Board.allCases {
            let settings = facts.config.effective(for: board, including: facts.configFile)
            let prefix = settings.last { $0.key == "os_prefix" }?.value ?? ""
            if !prefix.isEmpty {
                for path in ImageFacts.kernelPaths(prefix, settings) {
                    try look(.boot, path, readingBytes: false)
                }
            }
            try look(.boot, facts.kernelLinePath(for: board))
        }
        let paths = facts.kernelLinePaths(for: Board.allCases)
        if let first = paths.first, !paths.contains(ImageFacts.usualLinePath) { facts.kernelLinePath = first }
    }
}
