/// The parsers of bytes that others made: each takes any input, and what is claimed of it holds for all.
package enum FuzzTarget: String, CaseIterable, Sendable {
    // Disks and file systems.
    case mbr, gpt, fat, ext4, image
    // What is packed.
    case tar, packed, xz, cpio, deb
    // Programs.
    case elf, kernel, modules
    // What lies beside or on an image.
    case bmap, label
    // Texts.
    case config, cmdline, sshd, accounts, packages, system, profile
    // Keys.
    case publicKey = "public-key"
    case privateKey = "private-key"
    case secret

    /// Throws when a claim is broken; a refusal of the input is an answer like any other.
    package func run(_ input: [UInt8]) throws(BrokenClaim) {
        switch self {
        case .mbr: try fuzzMBR(input)
        case .gpt: try fuzzGPT(input)
        case .fat: try fuzzFAT(input)
        case .ext4: try fuzzExt4(input)
        case .image: try fuzzImage(input)
        case .tar: try fuzzTar(input)
        case .packed: try fuzzPacked(input)
        case .xz: try fuzzXZ(input)
        case .cpio: try fuzzCpio(input)
        case .deb: try fuzzDeb(input)
        case .elf: try fuzzELF(input)
        case .kernel: try fuzzKernel(input)
        case .modules: try fuzzModules(input)
        case .bmap: try fuzzBmap(input)
        case .label: try fuzzLabel(input)
        case .config: try fuzzConfig(input)
        case .cmdline: try fuzzCommandLine(input)
        case .sshd: try fuzzServer(input)
        case .accounts: try fuzzAccounts(input)
        case .packages: try fuzzPackages(input)
        case .system: try fuzzSystem(input)
        case .profile: try fuzzProfile(input)
        case .publicKey: try fuzzPublicKey(input)
        case .privateKey: try fuzzPrivateKey(input)
        case .secret: try fuzzSecret(input)
        }
    }
}
