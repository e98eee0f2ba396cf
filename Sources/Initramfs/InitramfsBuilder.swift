import Bases
package import Plans
package import Reports
package import Trees

/// Makes the initramfs with which a node without a card finds its root, out of the files of the node's own system:
/// nothing of it is run.
package struct InitramfsBuilder {
    let boot: any ReadableVolume
    let root: any ReadableVolume
    let facts: ImageFacts
    /// What the controller recognises; nil when it is unknown.
    private let rule: ControllerRule?
    /// Files larger than this are no part of an initramfs.
    package static let byteLimit: Int64 = 64 << 20

    /// An initramfs, ready to lie on the boot partition.
    package struct File: Equatable, Sendable {
        /// Its name there.
        package var name: String
        package var bytes: [UInt8]
        /// The kernels it goes with, by file name.
        package var kernels: [String]
        package var identity: GadgetIdentity
    }

    /// - Parameters:
    ///   - facts: What the system is, with config.txt as the nodes will have it.
    ///   - controllerRules: The text of the controller's 90-clusterctrl.rules; nil for the system's own, which is that
    ///     of a controller of the same release.
    package init(boot: any ReadableVolume, root: any ReadableVolume, facts: ImageFacts, controllerRules: String?)
        throws(ForgeError)
    {
        self.boot = boot
        self.root = root
        self.facts = facts
        let own = try Self.bytes(root, Self.rulesPath).map { String(decoding: $0, as: UTF8.self) }
        rule = (controllerRules ?? own).map { ControllerRule($0) }
    }

    package static let rulesPath: VolumePath = "/etc/udev/rules.d/90-clusterctrl.rules"

    /// One for each name that config.txt gives to the kernels which nodes' boards start.
    package func files() throws(ForgeError) -> [File] {
        let kernels = try nodeKernels()
        var byName: [String: [(kernel: NodeKernel, modules: KernelModules)]] = [:]
        var started: Set<Board> = []
        var failure: (boards: [Board], error: ForgeError)?
        for kernel in kernels {
            guard let name = kernel.initramfs ?? defaultName(for: kernel) else { throw Self.noInitramfs(kernel) }
            do throws(ForgeError) {
                byName[name, default: []].append((kernel, try modules(of: kernel)))
                started.formUnion(kernel.boards)
            } catch {
                failure = failure ?? (kernel.boards, error)
            }
        }
        // A Zero 2 W starts either of two kernels, and a system may have the modules of one alone.
        if let failure, !started.isSuperset(of: failure.boards) { throw failure.error }
        var files: [File] = []
        for (name, group) in byName.sorted(by: { $0.key < $1.key }) {
            if Interruption.isRequested { throw .interruption }
            files.append(try file(name, for: group))
        }
        return files
    }

    private func nodeKernels() throws(ForgeError) -> [NodeKernel] {
        let names = try wrapping(on: .boot, boot.entries(in: .root))
        let kernels = NodeKernel.all(of: facts, bootFiles: names)
        guard !kernels.isEmpty else {
            throw ForgeError(
                .badInput, "could not make an initramfs: the boot partition has no kernel for a Zero or Zero 2 W")
        }
        return kernels
    }

    private func file(
        _ name: String, for group: [(kernel: NodeKernel, modules: KernelModules)]
    ) throws(ForgeError) -> File {
        var archive = CpioArchive()
        try putPrograms(into: &archive)
        var identities: [GadgetIdentity] = []
        var versions: Set<String> = []
        for (kernel, modules) in group {
            let identity = try identity(for: kernel, modules)
            if !identities.contains(identity) { identities.append(identity) }
            if versions.insert(modules.version).inserted { try modules.put(into: &archive, identity.function) }
        }
        guard let identity = identities.first, identities.count == 1 else {
            throw ForgeError(
                .badInput, "could not make \(name): its kernels differ in the USB network cards that they can be",
                hint: "give each kernel an initramfs of its own in config.txt, with auto_initramfs=1")
        }
        archive.put(.file(Array(InitScript.text.utf8)), mode: 0o755, at: "/init")
        archive.put(.file(Array(InitScript.gadgetSettings(identity).utf8)), mode: 0o644, at: "/etc/gadget")
        for folder: VolumePath in [
            "/dev", "/early", "/lower", "/modules/more", "/node", "/proc", "/root", "/run", "/sys", "/tmp", "/upper",
        ] {
            archive.put(.directory, mode: 0o755, at: folder)
        }
        // For what the kernel says and reads before /dev is mounted (Linux, Documentation/admin-guide/devices.txt).
        archive.put(
            .special(.characterDevice), mode: 0o600, device: .init(major: 5, minor: 1), at: "/dev/console")
        let usesZstd = group.allSatisfy { $0.modules.unpacksZstd }
        let bytes = try Self.pack(try archive.encoded(), usesZstd ? .zstd : .gzip, name: name)
        return File(name: name, bytes: bytes, kernels: group.map(\.kernel.file), identity: identity)
    }

    private func identity(
        for kernel: NodeKernel, _ modules: KernelModules
    ) throws(ForgeError) -> GadgetIdentity {
        try wrapping(
            GadgetIdentity.choose(knownTo: rule, kernelHas: modules.index.has),
            as: { ForgeError($0, kernel: "\(kernel.file) (\(modules.version))") })
    }

    /// gzip is in every kernel of a Pi; zstd unpacks as fast and is a quarter smaller.
    private static func pack(_ bytes: [UInt8], _ format: PackedFormat, name: String) throws(ForgeError) -> [UInt8] {
        let packer = BlockPacker(format: format, blockByteCount: bytes.count, level: format == .zstd ? 19 : 9)
        return try wrapping(
            packer.pack(bytes.span.bytes).bytes,
            as: { (error: PackingError) in ForgeError(.bug, "could not pack \(name): \(error)") })
    }

    /// What 8086's conversion adds to config.txt where the firmware has no `auto_initramfs`.
    private func defaultName(for kernel: NodeKernel) -> String? {
        guard facts.release == .buster || facts.release == .bullseye, kernel.file.hasPrefix("kernel") else {
            return nil
        }
        return "initramfs" + kernel.file.dropFirst("kernel".count)
    }

    private static func noInitramfs(_ kernel: NodeKernel) -> ForgeError {
        ForgeError(
            .badInput, "could not make an initramfs for \(kernel.file): config.txt names none",
            hint: "add auto_initramfs=1 to config.txt, or a line such as: initramfs initramfs.img followkernel")
    }

    // MARK: Reading the system

    /// The bytes of the file that `path` leads to; nil when there is none.
    package static func bytes(_ volume: any ReadableVolume, _ path: VolumePath) throws(ForgeError) -> [UInt8]? {
        do throws(VolumeError) {
            let resolved = try volume.resolve(path)
            guard let status = try volume.status(at: resolved), status.kind == .file else { return nil }
            guard status.byteCount <= byteLimit else {
                throw .fileTooLarge(resolved, byteCount: status.byteCount, limit: byteLimit)
            }
            guard let bytes = try volume.fileBytes(at: resolved) else { return nil }
            return bytes
        } catch {
            switch error {
            case .notADirectory, .notFound, .tooManyLinks: return nil
            default: throw ForgeError(error, on: .root)
            }
        }
    }

    static func names(_ volume: any ReadableVolume, in folder: VolumePath) throws(ForgeError) -> [String] {
        try wrapping(on: .root) { () throws(VolumeError) in
            let resolved = try volume.resolve(folder)
            guard try volume.status(at: resolved)?.kind == .directory else { return [] }
            return try volume.entries(in: resolved)
        }
    }
}

extension ForgeError {
    fileprivate init(_ error: GadgetIdentity.Mismatch, kernel: String) {
        func list(_ products: [String]) -> String { products.map { "0x\($0)" }.joined(separator: ", ") }
        switch error {
        case .noFunction(let modules):
            self.init(
                .badInput,
                "could not make an initramfs for \(kernel): the kernel has none of the modules "
                    + modules.joined(separator: ", "))
        case .nodeTooOld(let accepted, let offered):
            self.init(
                .badInput,
                "could not make an initramfs for \(kernel): the node is too old for its controller, which knows "
                    + "USB products \(list(accepted)) while this kernel can be \(list(offered))",
                hint: "take the nodes' image from the controller's release")
        case .controllerTooOld(let accepted, let offered):
            let known =
                accepted.isEmpty ? "names no link to a node without a card" : "knows USB products \(list(accepted))"
            self.init(
                .badInput,
                "could not make an initramfs for \(kernel): the controller is too old, its 90-clusterctrl.rules "
                    + "\(known) while this node can be \(list(offered))",
                hint: "build the controller from the nodes' release")
        }
    }
}
