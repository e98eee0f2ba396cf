import Readers
import Glibc
package import Inspect
import Plans
package import Reports
package import Trees

/// Looks in trees for what would keep a node without a card from starting.
package struct NetbootLint {
    let tree: NetbootTree
    let source: ImageFiles
    let facts: ImageFacts
    let line: KernelCommandLine
    var findings: [Inspection.Finding] = []

    /// What one tree was found to have.
    package struct Report: Encodable, Equatable, Sendable {
        /// `p3`, or nothing when the path is one tree.
        package var tree: String
        package var findings: [Inspection.Finding]
    }

    /// Looks at the trees in a volume, which the person calls `path`.
    package static func reports(of volume: any ReadableVolume, called path: String) throws(ForgeError) -> [Report] {
        let trees = try wrapping(on: .root, NetbootTree.all(in: volume))
        guard !trees.isEmpty else {
            throw ForgeError(
                .badInput, "could not find a node's tree in \(path): no boot/cmdline.txt there has root=/dev/nfs",
                hint: "give a tree, or the folder that holds p1, p2 and so on")
        }
        var reports: [Report] = []
        for tree in trees {
            if Interruption.isRequested { throw .interruption }
            reports.append(Report(tree: tree.name, findings: try findings(of: tree)))
        }
        return reports
    }

    static func findings(of tree: NetbootTree) throws(ForgeError) -> [Inspection.Finding] {
        let facts = try PlanError.wrapping(ImageFacts.read(boot: tree.boot, root: tree.root))
        return try wrapping(on: .root) { () throws(VolumeError) in
            var lint = NetbootLint(tree, facts)
            let slot = lint.checkKernelLine()
            try lint.checkInit()
            try lint.checkBoot()
            try lint.checkMounts(slot)
            lint.checkAddresses(slot)
            try lint.checkOwners()
            return lint.findings
        }
    }

    private init(_ tree: NetbootTree, _ facts: ImageFacts) {
        self.tree = tree
        self.facts = facts
        source = ImageFiles(boot: tree.boot, root: tree.root)
        line = facts.kernelCommandLine
    }

    mutating func report(_ what: String, hint: String? = nil) {
        let finding = Inspection.Finding(.error, .netbootTree, what, hint: hint)
        if !findings.contains(finding) { findings.append(finding) }
    }

    /// Where the tree's paths begin for the person.
    func name(_ path: String) -> String { tree.name.isEmpty ? path : "\(tree.name)\(path)" }
}

extension NetbootLint {
    /// The slot that the kernel line is for; the tree's own where the line does not say.
    private mutating func checkKernelLine() -> Slot? {
        if facts.text(.boot, "/cmdline.txt")?.split(separator: "\n").count != 1 {
            report("cmdline.txt has not exactly one line: the firmware reads the first alone")
        }
        let fields = (line.values(of: "ip").last ?? "").split(separator: ":", omittingEmptySubsequences: false)
            .map(String.init)
        guard fields.count >= 6 else {
            report(
                "ip= in cmdline.txt lacks fields",
                hint:
                    "write ip=\(ClusterNetwork.boot.prefix)N:\(ClusterNetwork.boot.controller)::255.255.255.0:pN:usb0.10:static"
            )
            return tree.slot
        }
        guard let slot = Slot(fields[4]), case .node(let number) = slot else {
            report(
                "ip= in cmdline.txt names the host \(fields[4]) where the slot belongs: the initramfs takes its number "
                    + "from there", hint: "write pN there; the host's name stays in /etc/hostname")
            return tree.slot
        }
        if fields[5] != "usb0.10" {
            report("ip= in cmdline.txt names the device \(fields[5]), not usb0.10, on which the controller serves")
        }
        let address = ClusterNetwork.boot.address(of: number)
        if fields[0] != address {
            report("ip= in cmdline.txt gives \(slot) the address \(fields[0]): the controller serves \(address)")
        }
        if let named = tree.slot, named != slot {
            report("cmdline.txt is that of \(slot), but the tree lies in \(named)")
        }
        checkNFSRoot(slot)
        return slot
    }

    private mutating func checkNFSRoot(_ slot: Slot) {
        guard let value = line.values(of: "nfsroot").last else {
            return report("cmdline.txt has no nfsroot=", hint: "write nfsroot=\(NodeTreeFolder.export(of: slot))")
        }
        let parts = value.split(separator: ",").map(String.init)
        if parts.first != NodeTreeFolder.export(of: slot) {
            report("nfsroot= in cmdline.txt is \(parts.first ?? ""), not \(NodeTreeFolder.export(of: slot))")
        }
        if !line.contains("rw") { report("cmdline.txt has no rw: the root would be read-only") }
    }

    /// The options of nfsroot= that klibc's nfsmount does not know: it ends at the first, and with it the start.
    func refusedOptions() -> [String] {
        let words: Set<String> = [
            "soft", "hard", "intr", "nointr", "posix", "noposix", "cto", "nocto", "ac", "noac", "lock", "nolock", "acl",
            "noacl", "v2", "v3", "udp", "tcp", "broken_suid", "ro", "rw",
        ]
        let numbers: Set<String> = [
            "port", "rsize", "wsize", "timeo", "retrans", "acregmin", "acregmax", "acdirmin", "acdirmax", "namlen",
        ]
        let options = (line.values(of: "nfsroot").last ?? "").split(separator: ",").dropFirst().map(String.init)
        return options.filter { option in
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 1 { return !words.contains(parts[0]) }
            if ["vers", "nfsvers"].contains(parts[0]) { return !["2", "3"].contains(parts[1]) }
            return !numbers.contains(parts[0]) || Int(parts[1]) == nil
        }
    }

    private mutating func checkInit() throws(VolumeError) {
        let program = line.values(of: "init").last ?? "/sbin/init"
        guard let path = VolumePath(program), let status = try source.status(.root, path), status.kind == .file else {
            return report("there is no \(program), with which the system starts")
        }
        if status.metadata.mode & 0o111 == 0 { report("\(program), with which the system starts, is not executable") }
        guard program == ImageFacts.firstbootPath.description, try !source.exists(.root, "/sbin/mount.nfs"),
            try source.settings(.root, "/etc/fstab")?.map(\.blankSeparated)
                .contains(where: { $0.count > 2 && $0[1] == facts.bootMount.description && $0[2].hasPrefix("nfs") })
                == true
        else { return }
        report(
            "firstboot, with which the system starts, mounts \(facts.bootMount) over NFS, but there is no /sbin/mount.nfs: "
                + "it would start again for ever", hint: "remove init=\(program) from cmdline.txt")
    }

    /// The mounts that need what a node without a card has not.
    private mutating func checkMounts(_ slot: Slot?) throws(VolumeError) {
        for entry in try source.settings(.root, "/etc/fstab") ?? [] {
            let words = entry.blankSeparated
            guard words.count >= 3 else { continue }
            let isCard =
                ["PARTUUID=", "UUID=", "LABEL=", "PARTLABEL=", "/dev/mmcblk", "/dev/sd", "/dev/disk"]
                .contains { words[0].hasPrefix($0) }
            let isOptional =
                words.count >= 4 && words[3].split(separator: ",").contains { $0 == "nofail" || $0 == "noauto" }
            if isCard && !isOptional {
                report(
                    "/etc/fstab mounts \(words[0]) at \(words[1]), but there is no card: the start waits and ends in "
                        + "an emergency shell", hint: "remove the line")
            }
            if let slot, words[2].hasPrefix("nfs"), words[0].contains("\(NodeTreeFolder.all)/"),
                !(words[0] + "/").contains("/nfs/\(slot)/")
            {
                report("/etc/fstab mounts \(words[0]), which is not the tree of \(slot)")
            }
        }
    }

    private mutating func checkAddresses(_ slot: Slot?) {
        guard let slot, case .node(let number) = slot else { return }
        let files: [(path: VolumePath, prefix: String)] = [
            ("/etc/dhcpcd.conf", "static ip_address=\(ClusterNetwork.data.prefix)"),
            ("/etc/dhcp/dhclient.conf", "fixed-address \(ClusterNetwork.data.prefix)"),
        ]
        for (path, prefix) in files {
            for text in (facts.text(.root, path) ?? "").split(separator: "\n").map({ String($0).trimmedBlanks }) {
                guard text.hasPrefix(prefix), let last = Int(text.dropFirst(prefix.count).prefix { $0.isNumber }) else {
                    continue
                }
                // 254 is the controller's own, for a bridge that a node does not have.
                if last != number && last != 254 {
                    report(
                        "\(path) gives usb0 the address \(ClusterNetwork.data.address(of: last)), but this is \(slot)")
                }
            }
        }
        for text in (facts.text(.root, "/etc/default/clusterctrl") ?? "").split(separator: "\n")
        where text.hasPrefix("ID=") {
            let id = text.dropFirst(3).filter { $0 != "\"" && $0 != "'" }
            if id != String(number) { report("/etc/default/clusterctrl says ID=\(id), but this is \(slot)") }
        }
    }

    /// What is lost when a tree is copied without owners or permissions. Capabilities are not looked for: NFS carries none.
    private mutating func checkOwners() throws(VolumeError) {
        let hint = "unpack as root with tar --numeric-owner --xattrs --xattrs-include='*' -p"
        for path: VolumePath in ["/usr/bin/sudo", "/bin/su"] {
            guard let status = try source.status(.root, path), status.kind == .file else { continue }
            if status.metadata.owner != 0 {
                report("\(path) belongs to user \(status.metadata.owner), not to root", hint: hint)
            } else if status.metadata.mode & 0o4000 == 0 {
                report("\(path) has lost its setuid bit", hint: hint)
            }
        }
    }
}
