import Initramfs
import Netboot

/// Input: an initramfs, of one cpio archive or several, packed or not.
func fuzzCpio(_ input: [UInt8]) throws(BrokenClaim) {
    guard let content = try? InitramfsContent(input) else { return }
    try claim(content.modes.values.allSatisfy { $0 <= 0o7777 }, "permissions that no file has")
    for version in content.versions.prefix(10) { _ = content.modules(of: version) }
    _ = content.isOurs
}

/// Input: a program.
func fuzzELF(_ input: [UInt8]) throws(BrokenClaim) {
    guard let program = try? ELFProgram(input) else { return }
    let names = program.needed + program.searchPath + [program.interpreter].compactMap { $0 }
    try claim(names.allSatisfy { $0.utf8.count <= 4096 && !$0.utf8.contains(0) }, "a name that is none")
}

/// Input: a kernel, packed or not.
func fuzzKernel(_ input: [UInt8]) throws(BrokenClaim) {
    guard let version = KernelImage.version(of: input) else { return }
    try claim(version.utf8.allSatisfy { (0x21...0x7E).contains($0) } && version.utf8.count < 65, "no version")
}

/// Input: modules.dep, NUL, modules.builtin, NUL, udev rules.
func fuzzModules(_ input: [UInt8]) throws(BrokenClaim) {
    let texts = repeated(input).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    let index = ModuleIndex(dependencies: texts[0], builtIn: texts.count > 1 ? texts[1] : "")
    var seen: Set<String> = []
    for file in index.files(for: ["nfs", "dwc2", "a", "b", ""]) {
        try claim(seen.insert(file.name).inserted, "\(file.name) is loaded twice")
    }
    if texts.count > 2 {
        let rule = ControllerRule(texts[2])
        _ = rule.products
        _ = try? GadgetIdentity.choose(knownTo: rule) { _ in true }
    }
}
