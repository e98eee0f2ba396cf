@testable import Forge
import Foundation
@testable import Initramfs
@testable import Reports
import TestSupport
import Testing
import Trees

/// What is packed into an initramfs, judged by GNU cpio.
@Suite(.needs("cpio", "gzip", "ldd"))
struct InitramfsBuilderTests {
    /// What cpio lists of an archive: permissions, size and name, in order.
    private func listing(_ bytes: [UInt8], _ unpacker: String = "gzip") throws -> [String] {
        let plain = try TemporaryFolder()
        try Shell.write(bytes, to: plain.path + "/packed")
        let output = try Shell.run(
            "sh", ["-c", "\(unpacker) -dc < \(plain.path)/packed | cpio -tv --numeric-uid-gid --quiet"])
        #expect(output.error == "")
        return output.output.split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            #expect(words[2] == "0" && words[3] == "0" && words.contains("1970"))
            let start = words.firstIndex(of: "1970") ?? 0
            let name = words[(start + 1)...].joined(separator: " ")
            return "\(words[0]) \(name)"
        }
    }

    private func content(_ bytes: [UInt8], _ path: String, _ unpacker: String = "gzip") throws -> String {
        let folder = try TemporaryFolder()
        try Shell.write(bytes, to: folder.path + "/packed")
        return try Shell.run(
            "sh", ["-c", "\(unpacker) -dc < \(folder.path)/packed | cpio -i --to-stdout --quiet '\(path)'"]
        ).output
    }

    @Test func holdsProgramsModulesAndScript() throws {
        let files = try InitramfsSystem().files()
        let file = try #require(files.first)
        #expect(files.count == 1)
        #expect(file.name == "initramfs")
        #expect(file.kernels == ["kernel.img"])
        let names = try listing(file.bytes)
        #expect(names == names.sorted { $0.dropFirst(11).utf8.lexicographicallyPrecedes($1.dropFirst(11).utf8) })
        for line in [
            "-rwxr-xr-x bin/busybox", "lrwxrwxrwx bin/switch_root -> busybox", "-rwxr-xr-x init",
            "crw------- dev/console", "-rw-r--r-- lib/libc.so.6", "drwxr-xr-x modules/6.1.21+",
            "-rw-r--r-- modules/6.1.21+/000-dwc2.ko", "-rw-r--r-- modules/6.1.21+/shared/000-overlay.ko",
        ] {
            #expect(names.contains(line))
        }
        let modules = names.filter { $0.hasSuffix(".ko") }.map { String($0.split(separator: "-").last ?? "") }
        #expect(
            modules == [
                "dwc2.ko", "configfs.ko", "libcomposite.ko", "u_ether.ko", "8021q.ko", "usb_f_ecm.ko", "overlay.ko",
            ])
        #expect(try content(file.bytes, "etc/gadget").contains("gadget_product=0x0022"))
        let loader = names.first { $0.contains("/ld-linux") }
        #expect(loader?.hasPrefix("-rwxr-xr-x") == true)
    }

    @Test func sameInputsGiveTheSameBytes() throws {
        #expect(try InitramfsSystem().files() == InitramfsSystem().files())
    }

    @Test(.needs("xz", "zstd"), arguments: ["xz", "zstd"])
    func unpacksPackedModules(_ tool: String) throws {
        var system = try InitramfsSystem()
        system.root = system.root.filter { !$0.key.description.contains("/modules/") }
        try system.addModules(InitramfsSystem.version, ending: tool == "xz" ? ".ko.xz" : ".ko.zst") { bytes in
            let folder = try TemporaryFolder()
            try Shell.write(bytes, to: folder.path + "/m")
            _ = try Shell.run(tool, ["-q", folder.path + "/m"])
            return [UInt8](
                try Data(contentsOf: URL(fileURLWithPath: folder.path + (tool == "xz" ? "/m.xz" : "/m.zst"))))
        }
        let file = try #require(try system.files().first)
        let text = try content(file.bytes, "modules/6.1.21+/000-dwc2.ko")
        #expect(text == "module kernel/drivers/usb/dwc2/dwc2 of 6.1.21+")
    }

    @Test(.needs("zstd")) func takesZstdWhereTheKernelSaysSo() throws {
        var system = try InitramfsSystem()
        system.put("/boot/config-6.1.21+", "CONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n")
        let file = try #require(try system.files().first)
        #expect(file.bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
        #expect(try listing(file.bytes, "zstd").contains("-rwxr-xr-x init"))
    }

    @Test func namesFollowConfigAndRelease() throws {
        var system = try InitramfsSystem()
        system.boot["/kernel7.img"] = InitramfsSystem.file(InitramfsSystem.kernel("6.1.21-v7+"))
        system.boot["/kernel8.img"] = InitramfsSystem.file(InitramfsSystem.kernel("6.1.21-v8+"))
        try system.addModules("6.1.21-v7+")
        #expect(try system.files().map(\.name) == ["initramfs", "initramfs7"])
        try system.addModules("6.1.21-v8+")
        #expect(try system.files().map(\.name) == ["initramfs", "initramfs7", "initramfs8"])
        system.put("/etc/os-release", "VERSION_CODENAME=bullseye\n")
        system.boot["/config.txt"] = InitramfsSystem.file("enable_uart=1\n")
        #expect(try system.files().map(\.name) == ["initramfs.img", "initramfs7.img", "initramfs8.img"])
        system.boot["/config.txt"] = InitramfsSystem.file("[all]\ninitramfs one.img followkernel\n")
        let one = try system.files()
        #expect(one.map(\.name) == ["one.img"])
        #expect(one.first?.kernels == ["kernel.img", "kernel7.img", "kernel8.img"])
        let folders = try listing(one.first?.bytes ?? []).filter { $0.hasPrefix("d") && $0.hasSuffix("+") }
        #expect(folders.count == 3)
    }

    // MARK: What cannot be

    private func message(_ system: InitramfsSystem, rules: String? = nil) throws -> String {
        let error = #expect(throws: ForgeError.self) { try system.files(controllerRules: rules) }
        #expect(error?.kind == .badInput)
        return error?.message ?? ""
    }

    @Test func saysWhatIsMissing() throws {
        var system = try InitramfsSystem()
        system.root["/usr/bin/busybox"] = nil
        #expect(try message(system) == "could not make an initramfs: the image has no /bin/busybox")
        system = try InitramfsSystem()
        system.put("/usr/bin/busybox", "\u{7F}ELF")
        #expect(try message(system) == "could not make an initramfs: the image's /bin/busybox is no program for a Pi")
        system = try InitramfsSystem()
        system.root = system.root.filter { $0.key.name != "libc.so.6" }
        #expect(try message(system).hasSuffix("needs libc.so.6, which the image does not have"))
        system = try InitramfsSystem()
        system.boot["/kernel.img"] = InitramfsSystem.file(InitramfsSystem.kernel("6.6.1+"))
        #expect(
            try message(system)
                == "could not make an initramfs for kernel.img: its modules, /lib/modules/6.6.1+, are not in the image")
        system = try InitramfsSystem()
        system.put("/usr/lib/modules/6.1.21+/modules.dep", "kernel/drivers/usb/dwc2/dwc2.ko:\n")
        #expect(
            try message(system)
                == "could not make an initramfs for kernel.img: the kernel 6.1.21+ lacks libcomposite, 8021q, overlay")
        system = try InitramfsSystem()
        system.boot["/config.txt"] = InitramfsSystem.file("")
        #expect(try message(system) == "could not make an initramfs for kernel.img: config.txt names none")
    }

    @Test func saysWhichSideIsTooOld() throws {
        var system = try InitramfsSystem()
        let old = InitramfsSystem.rule.replacing("002[0-5]", with: "0020")
        #expect(
            try message(system, rules: old)
                == "could not make an initramfs for kernel.img (6.1.21+): the controller is too old, its "
                + "90-clusterctrl.rules knows USB products 0x0020 while this node can be 0x0022")
        let foreign = InitramfsSystem.rule.replacing("002[0-5]", with: "0010")
        #expect(
            try message(system, rules: foreign)
                == "could not make an initramfs for kernel.img (6.1.21+): the controller is too old, its "
                + "90-clusterctrl.rules knows USB products 0x0010 while this node can be 0x0022")
        #expect(
            try message(system, rules: "# nothing\n")
                == "could not make an initramfs for kernel.img (6.1.21+): the controller is too old, its "
                + "90-clusterctrl.rules names no link to a node without a card while this node can be 0x0022")
        let module = "/usr/lib/modules/6.1.21+/modules.dep"
        let lines = String(decoding: try #require(try system.builder().root.bytes(module)), as: UTF8.self)
        system.put(VolumePath(stringLiteral: module), lines.replacing("usb_f_ecm", with: "usb_f_rndis"))
        #expect(
            try message(system, rules: InitramfsSystem.rule.replacing("002[0-5]", with: "002[12]"))
                == "could not make an initramfs for kernel.img (6.1.21+): the node is too old for its controller, "
                + "which knows USB products 0x002[12] while this kernel can be 0x0020")
    }
}

extension ReadableVolume {
    fileprivate func bytes(_ path: String) throws -> [UInt8]? {
        guard case .file(let bytes)? = try node(at: VolumePath(stringLiteral: path))?.content else { return nil }
        return bytes
    }
}
