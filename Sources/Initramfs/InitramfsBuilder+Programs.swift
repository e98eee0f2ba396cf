import Bases
import Readers
import Plans
import Reports
import Trees

extension InitramfsBuilder {
    private static let busyboxPaths: [VolumePath] = ["/bin/busybox", "/usr/bin/busybox"]
    private static let kmodPaths: [VolumePath] = ["/bin/kmod", "/usr/bin/kmod"]

    /// busybox under the names of the applets that the init script calls, and the libraries it needs.
    func putPrograms(into archive: inout CpioArchive) throws(ForgeError) {
        guard let busybox = try firstFile(Self.busyboxPaths) else {
            throw ForgeError(
                .badInput, "could not make an initramfs: the image has no /bin/busybox",
                hint: "use an image of ClusterCTRL, which has it, or the usbboot tarball with an initramfs of its own")
        }
        try put(program: busybox, at: "/bin/busybox", into: &archive)
        var missing = InitScript.applets.filter { !busybox.holdsName($0) }
        if missing.contains("insmod"), let kmod = try firstFile(Self.kmodPaths) {
            try put(program: kmod, at: "/bin/insmod", into: &archive)
            missing.removeAll { $0 == "insmod" }
        }
        guard missing.isEmpty else {
            throw ForgeError(
                .badInput,
                "could not make an initramfs: the image's busybox lacks \(missing.joined(separator: ", "))")
        }
        for applet in InitScript.applets {
            guard let path = VolumePath(components: ["bin", applet]), archive.nodes[path] == nil else { continue }
            archive.put(.symlink("busybox"), mode: 0o777, at: path)
        }
    }

    private func firstFile(_ paths: [VolumePath]) throws(ForgeError) -> [UInt8]? {
        for path in paths {
            if let bytes = try Self.bytes(root, path) { return bytes }
        }
        return nil
    }

    private func put(
        program: [UInt8], at path: VolumePath, into archive: inout CpioArchive
    ) throws(ForgeError) {
        archive.put(.file(program), mode: 0o755, at: path)
        let elf = try Self.decode(program, of: path.description)
        guard let interpreter = elf.interpreter else { return }  // a static program
        guard let loaderPath = VolumePath(interpreter), let loader = try Self.bytes(root, loaderPath) else {
            throw Self.missingLibrary(interpreter, path.description)
        }
        archive.put(.file(loader), mode: 0o755, at: loaderPath)
        let folders = try libraryFolders(loader: loaderPath)
        var pending = [(elf: elf, of: path.description)]
        while let next = pending.popLast() {
            for name in next.elf.needed where name != loaderPath.name {
                // The loader looks into /lib whatever its own folder is called, so that is where all of them go.
                guard let libraryPath = VolumePath(components: ["lib", name]), archive.nodes[libraryPath] == nil else {
                    continue
                }
                guard let bytes = try library(name, in: next.elf.searchPath + folders, like: elf.machine) else {
                    throw Self.missingLibrary(name, next.of)
                }
                archive.put(.file(bytes), mode: 0o644, at: libraryPath)
                pending.append((try Self.decode(bytes, of: name), name))
            }
        }
    }

    /// Where the loader would look: its own folder, those of ld.so.conf, the default ones (ld.so(8)).
    private func libraryFolders(loader: VolumePath) throws(ForgeError) -> [String] {
        var folders = [try wrapping(on: .root, root.resolve(loader).parent.description)]
        let configuration: VolumePath = "/etc/ld.so.conf.d"
        for name in try Self.names(root, in: configuration) where name.hasSuffix(".conf") {
            guard let path = configuration.appending(name), let bytes = try Self.bytes(root, path) else { continue }
            folders += ImageFiles.lines(of: bytes).map(\.trimmedBlanks).filter { $0.hasPrefix("/") }
        }
        return folders + ["/lib", "/usr/lib"]
    }

    private func library(
        _ name: String, in folders: [String], like machine: ELFProgram.Machine
    ) throws(ForgeError) -> [UInt8]? {
        for folder in folders {
            guard let path = VolumePath(folder)?.appending(name), let bytes = try Self.bytes(root, path),
                let elf = try? ELFProgram(bytes), elf.machine == machine
            else { continue }
            return bytes
        }
        return nil
    }

    private static func decode(_ bytes: [UInt8], of name: String) throws(ForgeError) -> ELFProgram {
        try wrapping(
            ELFProgram(bytes),
            as: { (_: ELFProgram.DecodingError) in
                ForgeError(.badInput, "could not make an initramfs: the image's \(name) is no program for a Pi")
            })
    }

    private static func missingLibrary(_ name: String, _ user: String) -> ForgeError {
        ForgeError(.badInput, "could not make an initramfs: \(user) needs \(name), which the image does not have")
    }
}

extension [UInt8] {
    /// Whether a name stands among them as a C string: busybox has a table of its applets' names.
    fileprivate func holdsName(_ name: String) -> Bool {
        let needle = [0] + Array(name.utf8) + [0]
        return withUnsafeBytes { $0.offset(of: needle, from: 0) != nil }
    }
}
