import Blocks
import Images
import Inspect
import Plans
import Trees

/// Input: files of a system, each 1 byte for its path, 2 bytes length and that many bytes; the last may be repeated.
///
/// The system with these files is inspected and planned for; after the plan nothing may be left to change.
func fuzzSystem(_ input: [UInt8]) throws(BrokenClaim) {
    let sample = try SystemSample.only.get()
    var (boot, root) = (sample.boot, sample.root)
    var rest = input[...]
    while rest.count > 3 {
        let head = rest.prefix(3).map(Int.init)
        let count = head[1] | head[2] << 8
        rest = rest.dropFirst(3)
        let part = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        let (isBoot, path) = SystemSample.paths[head[0] % SystemSample.paths.count]
        let content = FileNode.Content.file(rest.isEmpty ? repeated(part) : part)
        let node = FileNode(content: content, metadata: .init(mode: 0o644, modified: 1))
        if isBoot { boot[path] = node } else { root[path] = node }
    }
    let (bootVolume, rootVolume) = (MemoryVolume(boot), MemoryVolume(root))
    _ = try? Inspection(boot: bootVolume, root: rootVolume)
    try claimSettled {
        let request = SlotRequest(slot: .node(3), settings: sample.settings)
        let decide = {
            try request.decide(
                boot: bootVolume, root: rootVolume, diskID: 1, modified: 1_750_000_000, medium: .card
            ).changes
        }
        for change in try decide() { try change.apply(boot: bootVolume, root: rootVolume) }
        let left = try decide().map(\.edit.target.description)
        if !left.isEmpty { throw BrokenClaim(description: "\(left) would change again") }
        _ = try EffectJudge.findings(
            in: .init(boot: bootVolume, root: rootVolume), of: .node(3), with: sample.settings, at: 1_750_000_000)
    }
}

private struct SystemSample: Sendable {
    let boot: [VolumePath: FileNode]
    let root: [VolumePath: FileNode]
    let settings: Settings

    /// Files that are read before anything is decided.
    static let paths: [(isBoot: Bool, path: VolumePath)] = [
        (true, "/config.txt"), (true, "/cmdline.txt"), (true, "/userconf.txt"), (true, "/user-data"),
        (true, "/network-config"), (true, "/custom.toml"), (true, "/wpa_supplicant.conf"), (true, "/piforge.json"),
        (false, "/etc/fstab"), (false, "/etc/hosts"), (false, "/etc/hostname"), (false, "/etc/passwd"),
        (false, "/etc/shadow"), (false, "/etc/group"), (false, "/etc/gshadow"), (false, "/etc/ssh/sshd_config"),
        (false, "/etc/ssh/sshd_config.d/rename_user.conf"), (false, "/usr/lib/os-release"),
        (false, "/home/pi/.ssh/authorized_keys"), (false, "/etc/default/keyboard"), (false, "/etc/default/locale"),
        (false, "/etc/locale.gen"), (false, "/etc/timezone"), (false, "/etc/default/clusterctrl"),
        (false, "/etc/sysctl.conf"), (false, "/etc/dhcpcd.conf"), (false, "/etc/dhcp/dhclient.conf"),
        (false, "/etc/network/interfaces.d/clusterctrl"), (false, "/etc/machine-id"), (false, "/etc/dphys-swapfile"),
        (false, "/etc/initramfs-tools/initramfs.conf"), (false, "/lib/systemd/system/ssh.service"),
        (false, "/etc/hosts.deny"), (false, "/etc/NetworkManager/system-connections/a.nmconnection"),
        (false, "/etc/cloud/cloud.cfg"), (false, "/etc/issue"), (false, "/var/lib/dpkg/status"),
        (false, "/etc/ssh/ssh_host_ed25519_key"), (false, "/etc/ssh/ssh_host_ed25519_key.pub"),
    ]

    static let only = Result<SystemSample, BrokenClaim> { () throws(BrokenClaim) in
        let overlay = Overlay(over: try SeedFolder.image("card.img"))
        guard let image = try? SystemImage(overlay, now: nil), let boot = image.boot as? any TreeSource,
            let root = image.root as? any TreeSource
        else { throw BrokenClaim(description: "card.img is no image") }
        return SystemSample(boot: try nodes(boot), root: try nodes(root), settings: try settings())
    }

    private static func nodes(_ tree: any TreeSource) throws(BrokenClaim) -> [VolumePath: FileNode] {
        var nodes: [VolumePath: FileNode] = [:]
        guard let reader = try? tree.treeReader() else { return nodes }
        while let entry = (try? reader.next()) ?? nil {
            let content: FileNode.Content =
                switch entry.content {
                case .file(let content):
                    .file((try? content.bytes(at: 0, count: Int(min(content.byteCount, 1 << 16)))) ?? [])
                case .directory: .directory
                case .symlink(let text): .symlink(text)
                case .special(let kind): .special(kind)
                }
            nodes[entry.path] = FileNode(content: content, metadata: entry.metadata)
        }
        try claim(nodes.count > 10, "card.img has few files")
        return nodes
    }

    private static func settings() throws(BrokenClaim) -> Settings {
        let text = """
            version: 1
            cluster: sg1
            domain: chappa.ai
            defaults: {ssh: true, cgroups: true, gpu_mem: 16, time_zone: Europe/London, password_login: false,
              authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPLz6wwiZS9B+sm8WJf2yN91XWkst60Wq7VOEmmmA+c a@b],
              hosts: {"172.19.181.254": [hammond.chappa.ai, hammond]}, kernel_arguments: {set: [quiet]}}
            slots: {p3: {hostname: tealc}}
            """
        guard let profile = try? Profile.load(Array(text.utf8), name: "fuzz.yaml", files: SmallFolder()),
            let settings = try? profile.settings(for: .node(3))
        else { throw BrokenClaim(description: "the profile is none") }
        return settings
    }
}
