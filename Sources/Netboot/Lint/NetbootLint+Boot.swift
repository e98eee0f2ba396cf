import Readers
import Initramfs
import Plans
import Reports
import Trees

extension NetbootLint {
    /// The files that rpiboot hands out, and whether they go together.
    mutating func checkBoot() throws(VolumeError) {
        let names = try tree.boot.entries(in: .root)
        let kernels = NodeKernel.all(of: facts, bootFiles: names, onlyStarted: true)
        guard !kernels.isEmpty else {
            return report("the boot files have no kernel for a Zero or Zero 2 W")
        }
        for board in Board.nodes where kernels.contains(where: { $0.boards.contains(board) }) {
            try checkFirmware(of: board, Set(names.map { $0.lowercased() }))
        }
        checkPort()
        let versions = try source.names(.root, "/lib/modules")
        var seen: [String: InitramfsContent] = [:]
        for kernel in kernels {
            let version = try version(of: kernel, among: versions)
            if let version, !versions.contains(version) {
                report(
                    "\(kernel.file) is version \(version), but /lib/modules has "
                        + (versions.isEmpty ? "none" : versions.joined(separator: ", ")),
                    hint: "boot files and root must be of one update")
            }
            guard let name = kernel.initramfs else {
                report(
                    "config.txt names no initramfs for \(kernel.file): without one no node finds its root",
                    hint: "add auto_initramfs=1, or a line such as: initramfs initramfs.img followkernel")
                continue
            }
            var content = seen[name]
            if content == nil { content = try initramfs(name) }
            guard let content else { continue }
            seen[name] = content
            check(content, name, kernel, version)
        }
    }

    /// Start files and device tree; bootcode.bin comes from the controller.
    private mutating func checkFirmware(of board: Board, _ names: Set<String>) throws(VolumeError) {
        let settings = facts.config.effective(for: board, including: facts.configFile)
        let files = BoardFiles(board, settings)
        for need in files.needs where need != ["bootcode.bin"] {
            let isThere = need.contains { name in
                let small = name.lowercased()
                return names.contains(small)
                    || small.contains("*") && names.contains { Wildcard(small).matches($0) }
            }
            guard !isThere else { continue }
            var what = "a \(board.title) needs \(need.joined(separator: " or ")), which is not there"
            if need.contains(where: { $0.hasSuffix(".elf") || $0.hasSuffix(".dat") }), let memory = files.gpuMemory {
                what += ": gpu_mem=\(memory) asks for it"
            }
            report(what)
        }
    }

    private mutating func checkPort() {
        for board in [Board.zero, .zero2W] {
            let overlay = facts.config.effective(for: board, including: facts.configFile).last {
                $0.key == "dtoverlay" && ($0.value == "dwc2" || $0.value.hasPrefix("dwc2,"))
            }
            if overlay?.value.contains("dr_mode=peripheral") != true {
                report(
                    "config.txt does not make the \(board.title) a USB device, so it never reaches its controller",
                    hint: "write dtoverlay=dwc2,dr_mode=peripheral under [all]")
            }
        }
    }

    private func version(of kernel: NodeKernel, among versions: [String]) throws(VolumeError) -> String? {
        guard let path = VolumePath(components: [kernel.file]),
            let status = try tree.boot.status(at: path), status.byteCount <= InitramfsBuilder.byteLimit,
            let bytes = try tree.boot.fileBytes(at: path)
        else { return nil }
        return KernelImage.version(of: bytes) ?? kernel.guessedVersion(among: versions)
    }

    private mutating func initramfs(_ name: String) throws(VolumeError) -> InitramfsContent? {
        guard let path = VolumePath("/" + name), let bytes = try tree.boot.fileBytes(at: path) else {
            report("config.txt names the initramfs \(name), which is not there")
            return nil
        }
        do throws(PackedBytes.Failure) {
            return try InitramfsContent(bytes)
        } catch {
            report("\(name) cannot be unpacked: \(error.reason)")
            return nil
        }
    }

    private mutating func check(
        _ content: InitramfsContent, _ name: String, _ kernel: NodeKernel, _ version: String?
    ) {
        let script = content.isOurs ? "init" : InitramfsContent.gadgetScript
        guard let mode = content.modes[script] else {
            return report(
                "\(name) has no \(InitramfsContent.gadgetScript): it does not set up the USB device",
                hint: "make one with: piforge netboot initramfs")
        }
        if mode & 0o111 == 0 { report("\(name) has \(script), but it is not executable, so it does not run") }
        if !content.isOurs {
            for option in refusedOptions() {
                report(
                    "nfsroot= in cmdline.txt has the option \(option), which the nfsmount of \(name) refuses",
                    hint: "remove it: klibc's nfsmount speaks NFS 2 and 3 and knows no \(option)")
            }
            if !line.values(of: "netboot.lower").isEmpty {
                report("\(name) knows no shared root", hint: "make one with: piforge netboot initramfs")
            }
        }
        guard let version else { return }
        guard content.versions.contains(version) else {
            let found = content.versions.sorted().joined(separator: ", ")
            return report(
                "\(name) has modules for \(found.isEmpty ? "no kernel" : found), but \(kernel.file) is version \(version)",
                hint: "make one with: piforge netboot initramfs")
        }
        checkModules(content.modules(of: version), name, version)
    }

    private mutating func checkModules(_ modules: Set<String>, _ name: String, _ version: String) {
        guard let folder = VolumePath(components: ["lib", "modules", version]),
            let dependencies = try? source.bytes(.root, folder.appending("modules.dep") ?? folder)
        else { return }
        let builtIn = (try? source.bytes(.root, folder.appending("modules.builtin") ?? folder)) ?? []
        let index = ModuleIndex(
            dependencies: String(decoding: dependencies, as: UTF8.self),
            builtIn: String(decoding: builtIn, as: UTF8.self))
        var wanted = ["dwc2", "libcomposite", "8021q", "nfs"]
        if !line.values(of: "netboot.lower").isEmpty { wanted.append("overlay") }
        for module in wanted.flatMap({ index.files(for: [$0]).map(\.name) }) where !modules.contains(module) {
            report("\(name) lacks the module \(module), which kernel \(version) needs to reach the root")
        }
    }
}
