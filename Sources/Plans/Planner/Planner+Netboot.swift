import Trees

/// What 8086's usbboot build and then `usbboot-init N` make of an image's tree, so that a node without a card boots
/// from it: boot files over USB, root over NFS on VLAN 10.
extension Planner {
    mutating func planNetboot() throws(PlanError) {
        guard case .node(let number) = slot else { throw .netbootController(slot) }
        try planDefaults()
        try planInterfaces()
        try planFallbackAddress()
        try planForwarding()
        try planNetbootUnits()
        try planNetbootBoot(number)
        if facts.slot?.isController == true { try planIssue() }
        guard release >= .bookworm else { return }
        try put(
            Self.networkingDropIn,
            text: "[Service]\nExecStop=\n"
                + "ExecStop=/sbin/ifdown -a --read-environment --exclude=lo --exclude=usb0 --exclude=usb0.10\n",
            reason: "the root file system needs the network until the end")
    }

    /// Whatever the base is: the kernel's and the system's start without a card.
    mutating func planNetbootBoot(_ number: Int) throws(PlanError) {
        try planNetbootConfig()
        try planMounts(number)
        try planInitramfsTools()
        for link in facts.resizeScriptLinks {
            try remove(link, reason: "resize2fs_once would fail at each start: the root is no partition")
        }
        if release >= .trixie {
            let grower = "rpi-resize.service"
            for path in facts.enablingLinks(of: grower) {
                try remove(path, reason: "the root is no partition that could grow")
            }
            keepOff(grower)
        }
        guard release >= .bookworm else { return }
        try rewrite(
            "/etc/default/raspberrypi-sys-mods", [.setVariable("FWLOC", "'\(facts.bootMount)/'")], missing: 0o644,
            reason: "the boot files' folder is no partition")
    }

    static let networkingDropIn: VolumePath = "/etc/systemd/system/networking.service.d/override.conf"

    /// The words for the kernel line. The slot's name stays in `ip=` whatever the host is called: the initramfs takes
    /// the number from there.
    static func networkRoot(of number: Int) -> [String] {
        let network = ClusterNetwork.boot
        return [
            "root=/dev/nfs", "nfsroot=\(NodeTreeFolder.export(of: .node(number)))", "rw",
            "ip=\(network.address(of: number)):\(network.controller)::255.255.255.0:p\(number):usb0.10:static",
        ]
    }

    /// Keys of the kernel line that decide whether a node finds its root.
    static let networkRootKeys: Set<String> = ["root", "nfsroot", "ip", "rw", "ro", "rootfstype", "fsck.mode"]

    private mutating func planNetbootUnits() throws(PlanError) {
        let wanted = "multi-user.target.wants"
        let getty = "getty.target.wants"
        try removeLink("clusterctrl-rpiboot.service", in: wanted, reason: "a node boots no other nodes")
        // The initramfs sets the gadget up; a second one would take the link to the root file system down.
        try removeLink("clusterctrl-composite.service", in: wanted, reason: "the initramfs makes the USB device")
        try removeLink("getty@ttyGS0.service", in: getty, reason: "older scripts linked the wrong getty")
        try enable("serial-getty@ttyGS0.service", in: getty, reason: "a node has a console on USB")
    }

    private mutating func planNetbootConfig() throws(PlanError) {
        var rules: [TextRule] = configFormRules() + [.setUSBMode(.peripheral)]
        for (section, name) in initramfsNames {
            rules.append(.setConfigKey(section: section, key: "initramfs", value: name, overriding: false))
        }
        switch release {
        case .buster, .bullseye:
            rules.append(.setConfigKey(section: "all", key: "dtparam", value: "sd_poll_once=on", overriding: false))
        case .bookworm, .trixie:
            rules.append(.setConfigKey(section: "all", key: "auto_initramfs", value: "1", overriding: true))
        }
        if !facts.config.entries(for: .zero).contains(where: { $0.key == "enable_uart" }) {
            rules.append(.setConfigKey(section: "all", key: "enable_uart", value: "1", overriding: false))
        }
        try rewrite(on: .boot, "/config.txt", rules, reason: "a node is a USB device and starts from an initramfs")
    }

    /// The initramfs of each section of config.txt, a later section going before an earlier one; none where the
    /// firmware finds it by the kernel's name.
    private var initramfsNames: [(section: String, name: String)] {
        switch release {
        case .bookworm, .trixie: return []
        case .buster, .bullseye: break
        }
        if facts.architecture == .arm64 { return [("all", "initramfs8.img")] }
        return [
            ("pi0", "initramfs.img"), ("pi02", "initramfs7.img"), ("pi1", "initramfs.img"), ("pi2", "initramfs7.img"),
            ("pi3", "initramfs7.img"), ("pi4", release == .bullseye ? "initramfs8.img" : "initramfs7l.img"),
        ]
    }

    private mutating func planMounts(_ number: Int) throws(PlanError) {
        let mount = facts.bootMount
        let line =
            release >= .bookworm ? "\(NodeTreeFolder.export(of: .node(number)))\(mount) \(mount) nfs defaults 0 0" : nil
        try rewrite(
            "/etc/fstab", [.setNetworkMounts(boot: line)], reason: "there is no card, and the initramfs mounts the root"
        )
    }

    /// So that a kernel upgrade on the node makes an initramfs that boots.
    private mutating func planInitramfsTools() throws(PlanError) {
        let reason = "an initramfs made on the node must find its root over USB"
        if facts.exists(.root, "/etc/initramfs-tools/initramfs.conf") {
            var rules: [TextRule] = [.setVariable("MODULES", "netboot"), .setVariable("BOOT", "nfs")]
            if release < .bookworm { rules.append(.setVariable("COMPRESS", "xz")) }
            try rewrite("/etc/initramfs-tools/initramfs.conf", rules, reason: reason)
        }
        if facts.exists(.root, "/etc/initramfs-tools/modules") {
            try rewrite(
                "/etc/initramfs-tools/modules", Self.gadgetModules.map { .ensureLine($0) }, reason: reason)
        }
    }

    private static let gadgetModules = [
        "dwc2", "8021q", "uio_pdrv_genirq", "uio", "usb_f_acm", "u_serial", "u_ether", "libcomposite", "udc_core",
        "ipv6", "usb_f_ncm", "usb_f_ecm", "usb_f_eem", "usb_f_rndis",
    ]

    /// The first start runs firstboot, which makes host keys, as in 8086's archives of bookworm. It mounts the boot files
    /// by fstab and would start again for ever where that cannot be done; before bookworm it looks for a partition to grow.
    var chainsFirstboot: Bool {
        release >= .bookworm && facts.exists(.root, ImageFacts.firstbootPath) && facts.existsInSbin("mount.nfs")
    }

    /// The tree is this slot's already, and may have been used since.
    var isNetbootBefore: Bool { medium == .netboot && facts.netbootSlot == slot }
}
