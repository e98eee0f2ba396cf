package import Readers
package import Trees

/// What an image is, as far as the planner must know: a value, read once, with the old text of every file that a
/// decision needs.
package struct ImageFacts: Equatable, Sendable {
    /// What lies at a path that was looked at.
    package struct Found: Equatable, Sendable {
        /// The path with the links among its folders followed; this is what an edit changes.
        package var path: VolumePath
        /// What lies at `path`, a link not followed; nil when nothing does. The content of a file that was looked at
        /// without its bytes is empty.
        package var own: FileNode?
        /// The bytes after following links; nil when that is no file or was not read.
        package var bytes: [UInt8]?
        /// What is found after following links.
        package var kind: FileNode.Kind?
        /// The folders above `path` that do not exist, the outermost first.
        package var missingFolders: [VolumePath]
    }

    /// By the path that was asked for.
    var found: [Target: Found] = [:]
    /// The entries of folders of the root partition that were listed.
    var listings: [VolumePath: [String]] = [:]
    /// Whether the wanted locale is generated in the image; nil when none was wanted.
    var hasLocale: Bool?
    /// The file of the kernel's line for whoever asks without a board in mind: the usual one when some board reads it, else
    /// the one that the first board reads.
    package internal(set) var kernelLinePath = ImageFacts.usualLinePath
    /// What dpkg has installed; nil when nobody asked, and without dpkg.
    package internal(set) var packages: InstalledPackages?
    /// The 32-bit disk id of the partition table; nil when unknown.
    package var diskID: UInt32?

    package init() {}

    package func found(_ partition: Target.Partition, _ path: VolumePath) -> Found? {
        found[Target(partition, path)]
    }

    /// Whether something lies there after following links.
    package func exists(_ partition: Target.Partition, _ path: VolumePath) -> Bool {
        found(partition, path)?.kind != nil
    }

    package func bytes(_ partition: Target.Partition, _ path: VolumePath) -> [UInt8]? {
        found(partition, path)?.bytes
    }

    /// Nil when there is no such file.
    package func text(_ partition: Target.Partition, _ path: VolumePath) -> String? {
        bytes(partition, path).map(TextBytes.decode)
    }

    /// The paths in a folder that was listed whose names end in `suffix`.
    func paths(in folder: VolumePath, suffix: String) -> [VolumePath] {
        (listings[folder] ?? []).filter { $0.hasSuffix(suffix) }.compactMap { folder.appending($0) }
    }

    /// The text of the link at `path` itself; nil when it is none.
    package func linkText(_ path: VolumePath) -> String? {
        guard case .symlink(let text)? = found(.root, path)?.own?.content else { return nil }
        return text
    }
}

// MARK: - What the image is

extension ImageFacts {
    /// Debian releases whose Raspberry Pi OS is known here, in their order.
    package enum Release: String, CaseIterable, Comparable, Sendable {
        case buster, bullseye, bookworm, trixie

        package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// `VERSION_CODENAME`, such as `bookworm`; from `VERSION="9 (stretch)"` where that is missing.
    package var codename: String? {
        if let name = osRelease["VERSION_CODENAME"], !name.isEmpty { return name }
        guard let version = osRelease["VERSION"], let open = version.firstIndex(of: "(") else { return nil }
        let name = version[version.index(after: open)...].prefix(while: { $0 != ")" })
        return name.isEmpty ? nil : name.lowercased()
    }

    /// Such as `12`.
    package var versionID: String? { osRelease["VERSION_ID"] }

    package var release: Release? { codename.flatMap(Release.init) }

    private var osRelease: [String: String] {
        let text = text(.root, "/etc/os-release") ?? text(.root, "/usr/lib/os-release") ?? ""
        var result: [String: String] = [:]
        for line in TextLines(text).lines {
            if let (name, value) = TextRule.variable(line.text) { result[name] = value }
        }
        return result
    }

    /// Debian's name for what the programs are built for; nil for anything unknown.
    package enum Architecture: String, Sendable {
        case armel, armhf, arm64
    }

    /// From the ELF header of the image's shell (elf(5): class at 4, machine at 18, on 32 bit flags at 36).
    package var architecture: Architecture? {
        guard let bytes = bytes(.root, "/bin/true") ?? bytes(.root, "/usr/bin/true"), bytes.count >= 52,
            bytes[..<4] == [0x7F, 0x45, 0x4C, 0x46]
        else { return nil }
        switch (bytes[4], UInt16(bytes[18]) | UInt16(bytes[19]) << 8) {
        case (2, 0xB7): return .arm64
        case (1, 0x28): return bytes[37] & 0x04 != 0 ? .armhf : .armel  // EF_ARM_ABI_FLOAT_HARD, 0x400
        default: return nil
        }
    }

    /// Where the boot partition is mounted: by /etc/fstab, else by the folder that bookworm introduced.
    package var bootMount: VolumePath {
        let points = TextLines(text(.root, "/etc/fstab") ?? "").lines.compactMap { line -> String? in
            let words = line.text.words
            return words.count >= 3 && !words[0].hasPrefix("#") ? words[1] : nil
        }
        for point in ["/boot/firmware", "/boot"] where points.contains(point) {
            return VolumePath(point) ?? "/boot"
        }
        return found(.root, "/boot/firmware")?.kind == .directory ? "/boot/firmware" : "/boot"
    }

    package var kernelCommandLine: KernelCommandLine { KernelCommandLine(text(.boot, kernelLinePath) ?? "") }

    /// What was meant, whatever form the file has.
    package var config: ConfigText {
        ConfigText(bytes(.boot, "/config.txt").map { TextBytes.decode(FirmwareText($0).bytes) } ?? "")
    }

    /// The text of a file that config.txt includes, for `ConfigText.effective`.
    package func configFile(_ name: String) -> String? {
        VolumePath("/" + name).flatMap { text(.boot, $0) }
    }

    /// The tree is one that nodes boot over USB.
    package var isNetbootTree: Bool { kernelCommandLine.values(of: "root").last == "/dev/nfs" }

    /// It has run before: its machine id is set, and not by piforge for an image that never ran.
    package var wasBooted: Bool {
        guard let id = text(.root, "/etc/machine-id")?.trimmingLines, !id.isEmpty, id != "uninitialized" else {
            return false
        }
        let hasRunFiles = exists(.root, IdentitySetting.usualFile) || exists(.root, "/var/lib/systemd/random-seed")
        return hasRunFiles || !exists(.root, IdentitySetting.privateFile)
    }

    package var hostname: String? { text(.root, "/etc/hostname")?.trimmingLines }
}

extension String {
    /// The first line, without blanks around it.
    var trimmingLines: String { TextLines(self).lines.first?.text.trimmed ?? "" }
}
