package import Readers
package import Trees

/// Where the firmware takes the kernel's line from (Raspberry Pi documentation, config_txt/boot.adoc).
extension ImageFacts {
    static let usualLinePath: VolumePath = "/cmdline.txt"

    /// The file that the firmware of a board gives to the kernel: `cmdline=` names it, `os_prefix=` stands before its
    /// name.
    package func kernelLinePath(for board: Board) -> VolumePath {
        let settings = effectiveConfig(for: board)
        return Self.linePath(settings, prefix: Self.prefix(in: settings))
    }

    /// The same for several boards, each file once; and what an `os_prefix` would name if the firmware did not drop it,
    /// since a kernel that is put there later makes that count.
    package func kernelLinePaths(for boards: [Board]) -> [VolumePath] {
        var paths: [VolumePath] = []
        for board in boards {
            let path = kernelLinePath(for: board)
            if !paths.contains(path) { paths.append(path) }
        }
        for board in boards {
            guard let path = droppedLinePath(for: board), bytes(.boot, path) != nil else { continue }
            if !paths.contains(path) { paths.append(path) }
        }
        return paths
    }

    /// What config.txt says for a board, without an `os_prefix` under which the firmware finds no kernel: it drops that
    /// (config_txt/boot.adoc, upstream_kernel).
    package func effectiveConfig(for board: Board) -> [ConfigText.Entry] {
        let settings = config.effective(for: board, including: configFile)
        let prefix = Self.prefix(in: settings)
        let isUsed = Self.kernelPaths(prefix, settings, board).contains { exists(.boot, $0) }
        return prefix.isEmpty || isUsed ? settings : settings.filter { $0.key != "os_prefix" }
    }

    /// The line of config.txt that makes some board read its kernel line from `path`: `boot:/config.txt:3: cmdline=x`.
    func kernelLineOrigin(of path: VolumePath) -> String? {
        for board in Board.allCases where kernelLinePath(for: board) == path {
            for key in ["cmdline", "os_prefix"] {
                guard let entry = effectiveConfig(for: board).last(where: { $0.key == key }),
                    let place = config.origin(of: key, for: board, including: configFile)
                else { continue }
                return "boot:/\(place.file ?? "config.txt"):\(place.line): \(key)=\(entry.value)"
            }
        }
        return nil
    }

    /// With a prefix that the firmware drops; nil when there is none.
    fileprivate func droppedLinePath(for board: Board) -> VolumePath? {
        let all = config.effective(for: board, including: configFile)
        let prefix = Self.prefix(in: all)
        let path = Self.linePath(all, prefix: prefix)
        return prefix.isEmpty || path == kernelLinePath(for: board) ? nil : path
    }

    private static func linePath(_ settings: [ConfigText.Entry], prefix: String) -> VolumePath {
        let name = settings.last { $0.key == "cmdline" }?.value ?? "cmdline.txt"
        return VolumePath("/" + prefix + name) ?? usualLinePath
    }

    private static func prefix(in settings: [ConfigText.Entry]) -> String {
        settings.last { $0.key == "os_prefix" }?.value ?? ""
    }

    fileprivate static func kernelPaths(
        _ prefix: String, _ settings: [ConfigText.Entry], _ board: Board
    ) -> [VolumePath] {
        BoardFiles(board, settings).kernels.compactMap { VolumePath("/" + prefix + $0) }
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
                for path in ImageFacts.kernelPaths(prefix, settings, board) {
                    try look(.boot, path, readingBytes: false)
                }
            }
            try look(.boot, facts.kernelLinePath(for: board))
            if let path = facts.droppedLinePath(for: board) { try look(.boot, path) }
        }
        let paths = facts.kernelLinePaths(for: Board.allCases)
        if let first = paths.first, !paths.contains(ImageFacts.usualLinePath) { facts.kernelLinePath = first }
    }
}
