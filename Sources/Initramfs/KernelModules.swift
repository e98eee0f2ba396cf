import Plans
import Reports
import Trees

/// The modules of one kernel that a node needs before it has its root.
struct KernelModules {
    let version: String
    let index: ModuleIndex
    /// Whether the kernel unpacks an initramfs of zstd; gzip is taken where nothing says so.
    let unpacksZstd: Bool
    private let folder: VolumePath
    private let root: any ReadableVolume

    private static let always = [
        "dwc2", "libcomposite", "u_ether", "u_serial", "usb_f_acm", "8021q", "sunrpc", "nfs", "nfsv3", "nfsv4",
    ]
    /// For a root that several nodes share.
    private static let shared = ["overlay", "loop", "crc32c_generic", "libcrc32c", "ext4"]
    /// Without these no node starts.
    private static let required = ["dwc2", "libcomposite", "8021q", "nfs"]
    private static let requiredForSharing = ["overlay"]

    /// Throws `badInput` when the system has no modules of this version.
    init(version: String, root: any ReadableVolume, kernel: String) throws(ForgeError) {
        self.version = version
        self.root = root
        guard let folder = VolumePath(components: ["lib", "modules", version]),
            let dependencies = try InitramfsBuilder.bytes(root, folder.appending("modules.dep") ?? folder)
        else {
            throw ForgeError(
                .badInput,
                "could not make an initramfs for \(kernel): its modules, /lib/modules/\(version), are not in the image",
                hint: "the kernels of the boot partition and the modules of the root partition must be of one update")
        }
        self.folder = folder
        let builtIn = try InitramfsBuilder.bytes(root, folder.appending("modules.builtin") ?? folder) ?? []
        index = ModuleIndex(
            dependencies: String(decoding: dependencies, as: UTF8.self),
            builtIn: String(decoding: builtIn, as: UTF8.self))
        let configuration = try VolumePath(components: ["boot", "config-\(version)"]).flatMap {
            (path) throws(ForgeError) in try InitramfsBuilder.bytes(root, path)
        }
        unpacksZstd =
            configuration.map { ImageFiles.lines(of: $0).contains("CONFIG_RD_ZSTD=y") } ?? false
        let missing = (Self.required + Self.requiredForSharing).filter { !index.has($0) }
        guard missing.isEmpty else {
            throw ForgeError(
                .badInput,
                "could not make an initramfs for \(kernel): the kernel \(version) lacks \(missing.joined(separator: ", "))"
            )
        }
    }

    /// Puts them unpacked, in the order of loading, where the init script looks.
    func put(into archive: inout CpioArchive, _ function: GadgetIdentity.Function) throws(ForgeError) {
        let always = index.files(for: Self.always + [function.module])
        let known = Set(always.map(\.name))
        let shared = index.files(for: Self.shared).filter { !known.contains($0.name) }
        for (files, folders) in [(always, ["modules", version]), (shared, ["modules", version, "shared"])] {
            for (position, module) in files.enumerated() {
                let number = String(1000 + position).dropFirst()
                guard let path = VolumePath(components: folders + ["\(number)-\(module.name).ko"]) else { continue }
                archive.put(.file(try unpacked(module.path)), mode: 0o644, at: path)
            }
        }
        // The script takes the folder's presence for the kernel being the right one.
        if let path = VolumePath(components: ["modules", version]) { archive.put(.directory, mode: 0o755, at: path) }
    }

    private func unpacked(_ name: String) throws(ForgeError) -> [UInt8] {
        let modulePath = VolumePath(name.hasPrefix("/") ? name : "\(folder)/\(name)")
        guard let modulePath, let bytes = try InitramfsBuilder.bytes(root, modulePath) else {
            throw ForgeError(
                .badInput, "could not make an initramfs: modules.dep names \(folder)/\(name), which is not there")
        }
        guard !name.hasSuffix(".ko") else { return bytes }
        return try wrapping(
            PackedBytes.unpacked(bytes, limit: Int(InitramfsBuilder.byteLimit)),
            as: { (error: PackedBytes.Failure) in
                ForgeError(.badInput, "could not unpack \(modulePath): \(error.reason)")
            })
    }
}

extension InitramfsBuilder {
    /// The modules that belong to a kernel: by the version it holds, else by its name.
    func modules(of kernel: NodeKernel) throws(ForgeError) -> KernelModules {
        let bytes = try Self.bytes(boot, VolumePath(components: [kernel.file]) ?? .root) ?? []
        let versions = try Self.names(root, in: "/lib/modules")
        guard let version = KernelImage.version(of: bytes) ?? kernel.guessedVersion(among: versions) else {
            throw ForgeError(
                .badInput,
                "could not make an initramfs for \(kernel.file): it does not tell its version, and /lib/modules has "
                    + (versions.isEmpty ? "none" : versions.joined(separator: ", ")))
        }
        return try KernelModules(version: version, root: root, kernel: kernel.file)
    }
}
