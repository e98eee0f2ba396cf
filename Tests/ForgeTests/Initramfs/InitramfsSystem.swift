@testable import Forge
import Foundation
@testable import Initramfs
import Plans
@testable import Reports
import TestSupport
import Trees

/// A small system in memory with the programs of this machine, whose kernels are words between noise.
struct InitramfsSystem {
    var boot: [VolumePath: FileNode] = [:]
    var root: [VolumePath: FileNode] = [:]

    static let version = "6.1.21+"
    static let rule =
        #"SUBSYSTEM=="net", ACTION=="add", ENV{ID_VENDOR_ID}=="3171", ENV{ID_MODEL_ID}=="002[0-5]", "#
        + #"ENV{ID_MODEL}=="ClusterCTRL-usbboot", ENV{ID_NET_NAME_MAC}=="*002282fffe??", NAME="ethupi$env{ID_SERIAL_SHORT}""#

    /// A bookworm with one kernel, modules of all kinds, and this machine's true(1) for a busybox.
    init() throws {
        boot["/config.txt"] = Self.file("auto_initramfs=1\n")
        boot["/cmdline.txt"] = Self.file("console=tty1\n")
        boot["/kernel.img"] = Self.file(Self.kernel(Self.version))
        put("/etc/os-release", "VERSION_CODENAME=bookworm\n")
        put("/etc/udev/rules.d/90-clusterctrl.rules", Self.rule)
        put("/etc/ld.so.conf.d/here.conf", "# folders\n/usr/lib/x86_64-linux-gnu\n/usr/lib/aarch64-linux-gnu\n")
        let names = "\0" + InitramfsSystem.applets.joined(separator: "\0") + "\0"
        try put(program: "/bin/true", at: "/usr/bin/busybox", appending: Array(names.utf8))
        root["/bin"] = Self.link("usr/bin")
        root["/lib"] = Self.link("usr/lib")
        try addModules(Self.version)
    }

    static let applets = InitScript.applets

    static func file(_ text: String) -> FileNode { file(Array(text.utf8)) }

    static func file(_ bytes: [UInt8]) -> FileNode { FileNode(content: .file(bytes), metadata: .init(mode: 0o644)) }

    static func link(_ text: String) -> FileNode { FileNode(content: .symlink(text), metadata: .init(mode: 0o777)) }

    static func kernel(_ version: String) -> [UInt8] {
        var noise = SeededGenerator(seed: 7)
        return noise.bytes(5000) + Array("Linux version \(version) (builder@host) #1\0".utf8) + noise.bytes(500)
    }

    mutating func put(_ path: VolumePath, _ text: String) { put(path, Self.file(text)) }

    mutating func put(_ path: VolumePath, _ node: FileNode) {
        for folder in path.ancestors where root[folder] == nil {
            root[folder] = FileNode(content: .directory, metadata: .init(mode: 0o755))
        }
        root[path] = node
    }

    /// A program of this machine, with its loader and libraries where they are here.
    mutating func put(program: String, at path: VolumePath, appending tail: [UInt8]) throws {
        put(path, Self.file([UInt8](try Data(contentsOf: URL(fileURLWithPath: program))) + tail))
        let listing = try Shell.run("ldd", [program])
        for word in listing.output.split(whereSeparator: { " \t\n".contains($0) }) where word.hasPrefix("/") {
            let real = URL(fileURLWithPath: String(word)).resolvingSymlinksInPath().path
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: real)))
            // The loader's own path has a folder of its own on 64 bit, which is a link on a merged system.
            if word.hasPrefix("/lib64/") {
                root["/lib64"] = Self.link("usr/lib64")
                put(VolumePath(stringLiteral: "/usr" + word), Self.file(bytes))
            } else {
                let place = word.hasPrefix("/usr") ? String(word) : "/usr" + word
                put(VolumePath(stringLiteral: place), Self.file(bytes))
            }
        }
    }

    mutating func addModules(_ version: String, ending: String = ".ko", pack: ([UInt8]) throws -> [UInt8] = { $0 })
        throws
    {
        let folder = "/usr/lib/modules/\(version)"
        var lines: [String] = []
        let modules: [(String, [String])] = [
            ("kernel/fs/configfs/configfs", []), ("kernel/drivers/usb/dwc2/dwc2", []),
            ("kernel/drivers/usb/gadget/libcomposite", ["kernel/fs/configfs/configfs"]),
            ("kernel/drivers/usb/gadget/function/u_ether", []),
            (
                "kernel/drivers/usb/gadget/function/usb_f_ecm",
                [
                    "kernel/drivers/usb/gadget/function/u_ether", "kernel/drivers/usb/gadget/libcomposite",
                    "kernel/fs/configfs/configfs",
                ]
            ),
            ("kernel/net/8021q/8021q", []), ("kernel/fs/overlayfs/overlay", []),
        ]
        for (name, needs) in modules {
            lines.append(name + ending + ":" + needs.map { " " + $0 + ending }.joined())
            let node = Self.file(try pack(Array("module \(name) of \(version)".utf8)))
            put(VolumePath(stringLiteral: "\(folder)/\(name)\(ending)"), node)
        }
        put(VolumePath(stringLiteral: "\(folder)/modules.dep"), lines.joined(separator: "\n") + "\n")
        put(VolumePath(stringLiteral: "\(folder)/modules.builtin"), "kernel/fs/nfs/nfs.ko\nkernel/fs/ext4/ext4.ko\n")
    }

    func builder(controllerRules: String? = nil) throws -> InitramfsBuilder {
        let (boot, root) = (MemoryVolume(boot), MemoryVolume(root))
        let facts = try ImageFacts.read(boot: boot, root: root)
        return try InitramfsBuilder(boot: boot, root: root, facts: facts, controllerRules: controllerRules)
    }

    func files(controllerRules: String? = nil) throws -> [InitramfsBuilder.File] {
        try builder(controllerRules: controllerRules).files()
    }
}
