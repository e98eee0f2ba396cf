import Testing
import Trees

@testable import Plans

/// The table of what 8086's script makes of each slot, for every release and starting point.
struct ConversionTests {
    struct Case: CustomTestStringConvertible {
        let release: PlannerFixture.Release
        let kind: PlannerFixture.Kind
        let slot: Slot
        var testDescription: String { "\(release.rawValue) \(kind.rawValue) to \(slot)" }
    }

    static let slots: [Slot] = [.cnat, .cbridge, .node(3), .node(252)]
    static let cases: [Case] = PlannerFixture.Release.allCases.flatMap { release in
        PlannerFixture.Kind.allCases.flatMap { kind in slots.map { Case(release: release, kind: kind, slot: $0) } }
    }

    private func built(_ example: Case, _ settings: Settings = Settings()) throws -> PlannerFixture {
        let image = try PlannerFixture(example.release, example.kind)
        try image.build(example.slot, settings)
        return image
    }

    @Test(arguments: cases) func names(_ example: Case) throws {
        let image = try built(example)
        #expect(try image.text("/etc/hostname") == "\(example.slot)\n")
        let hosts = try #require(try image.text("/etc/hosts"))
        #expect(hosts.contains("\n127.0.1.1\t\(example.slot)\n"))
        #expect(hosts.hasPrefix("127.0.0.1\tlocalhost\n"))
        let defaults = try #require(try image.text("/etc/default/clusterctrl"))
        let ending =
            switch example.slot {
            case .cnat: "TYPE=cnat\n"
            case .cbridge: "TYPE=c\n"
            case .node(let number): "TYPE=node\nID=\(number)\n"
            case .plain: ""
            }
        let gpio = [.bootedP2, .bootedCNAT].contains(example.kind) ? 12 : 18
        #expect(defaults == "# Defaults\nLINK=1\nFANGPIO=\(gpio)\n" + ending)
        #expect(try image.facts().slot == example.slot)
        #expect(try image.facts().state == .converted(example.slot))
    }

    @Test(arguments: cases) func kernelLine(_ example: Case) throws {
        let image = try PlannerFixture(example.release, example.kind)
        let old = try image.text("boot:/cmdline.txt")
        try image.build(example.slot)
        let line = try #require(try image.text("boot:/cmdline.txt"))
        if [.bootedP2, .bootedCNAT].contains(example.kind) {
            #expect(line == PlannerFixture.commandLine + "\n")
            #expect(try image.text("boot:/cmdline.old") == nil)
        } else {
            let first =
                example.release.hasUserconf
                ? "/usr/lib/raspberrypi-sys-mods/firstboot" : "/usr/lib/raspi-config/init_resize.sh"
            let end = example.release == .trixie ? " resize\n" : " quiet init=\(first)\n"
            #expect(line == PlannerFixture.commandLine + end)
            #expect(try image.text("boot:/cmdline.old") == old)
        }
    }

    @Test(arguments: cases) func network(_ example: Case) throws {
        let image = try built(example)
        let interfaces = try image.text("/etc/network/interfaces.d/clusterctrl")
        let dhcpcd = try image.text("/etc/dhcpcd.conf")
        let dhclient = try image.text("/etc/dhcp/dhclient.conf")
        let number =
            switch example.slot {
            case .node(let number): number
            case .cnat, .cbridge, .plain: 253
            }
        if example.release.isNew {
            #expect(interfaces == "# \(example.slot.isController ? example.slot.name : "p")\n")
            #expect(dhclient?.contains("\n  fixed-address 172.19.181.\(number); # ClusterCTRL Px\n") == true)
            #expect(dhclient?.contains("\n  fixed-address 172.19.181.254;\n") == true)
        } else {
            #expect(interfaces == (example.slot.isController ? "# \(example.slot)\nauto br0\n" : nil))
            #expect(dhcpcd?.contains("\nstatic ip_address=172.19.181.\(number)/24 #ClusterCTRL\n") == true)
            #expect(dhcpcd?.contains("\nstatic ip_address=172.19.181.254/24\n") == true)
            let end = example.slot == .cbridge ? " usb0.10 eth0" : " usb0.10"
            #expect(dhcpcd?.contains("\ndenyinterfaces ethpi* ethupi* ethupi*.10 brint\(end)\n") == true)
        }
        let sysctl = try #require(try image.text("/etc/sysctl.conf"))
        let mark = example.slot == .cnat ? "" : "#"
        #expect(sysctl == "#net.ipv4.ip_forward=1\n\(mark)net.ipv4.ip_forward=1 # ClusterCTRL\n")
    }

    @Test(arguments: cases) func units(_ example: Case) throws {
        let image = try built(example)
        let wants = "/etc/systemd/system/multi-user.target.wants"
        let getty = "/etc/systemd/system/getty.target.wants"
        let units = "/lib/systemd/system"
        let isNode = !example.slot.isController
        let initLink = isNode ? nil : "\(units)/clusterctrl-init.service"
        #expect(try image.linkText("\(wants)/clusterctrl-init.service") == initLink)
        let composite = isNode ? "\(units)/clusterctrl-composite.service" : nil
        #expect(try image.linkText("\(wants)/clusterctrl-composite.service") == composite)
        let serial = isNode ? "\(units)/serial-getty@.service" : nil
        #expect(try image.linkText("\(getty)/serial-getty@ttyGS0.service") == serial)
        #expect(try image.linkText("\(getty)/getty@ttyGS0.service") == nil)
        #expect(try image.linkText("\(wants)/clusterctrl-rpiboot.service") == "\(units)/clusterctrl-rpiboot.service")
        let issue = example.release == .earlyBuster ? nil : "ClusterCTRL \(isNode ? "p" : "c")\n"
        #expect(try image.text("/etc/issue") == issue ?? "Debian GNU/Linux \\n \\l\n")
    }

    @Test(arguments: cases) func usbMode(_ example: Case) throws {
        let image = try built(example)
        let config = try #require(try image.text("boot:/config.txt"))
        // Images before 2025-11 have the line commented out, and 8086's script leaves a controller's so.
        let isLeft = example.slot.isController && example.release != .bookworm && example.kind != .bootedP2
        let line =
            isLeft
            ? "#dtoverlay=dwc2,dr_mode=peripheral"
            : "dtoverlay=dwc2,dr_mode=\(example.slot.isController ? "host" : "peripheral")"
        #expect(config.contains("[all]\nenable_uart=1\n\(line)\n"))
        #expect(config.contains("[cm5]\ndtoverlay=dwc2,dr_mode=host\n"))
        #expect(config.contains("\n#dtparam=i2c_arm=on\n"))
        if example.release.hasUserconf {
            let mark = example.slot.isController ? "" : "#"
            #expect(
                config.hasSuffix("[pi4]\n\(mark)otg_mode=1 # Controller only\n[cm4]\notg_mode=0 # Unless CM4\n[all]\n"))
        }
        for board in Board.nodes {
            let overlays = ConfigText(config).effective(for: board).filter { $0.key == "dtoverlay" }.map(\.value)
            #expect(overlays == (isLeft ? [] : [String(line.dropFirst("dtoverlay=".utf8.count))]))
        }
    }

    /// Which image one starts from leaves no trace but the backup of the command line.
    @Test(arguments: PlannerFixture.Release.allCases, slots)
    func everyFreshImageGivesTheSame(release: PlannerFixture.Release, slot: Slot) throws {
        let trees = try [PlannerFixture.Kind.cbridge, .cnat, .p2].map { kind in
            let image = try PlannerFixture(release, kind)
            try image.build(slot, .everything)
            try image.remove("boot:/cmdline.old")
            return try Tree(image)
        }
        #expect(trees[0] == trees[1])
        #expect(trees[0] == trees[2])
    }

    @Test(arguments: cases) func buildingOnTheOutputChangesNothing(_ example: Case) throws {
        for settings in [Settings.everything, .other] {
            let image = try built(example, settings)
            let plan = try image.plan(example.slot, settings)
            #expect(try plan.changes(boot: image.boot, root: image.root) == [])
        }
    }

    /// Any slot made into any other is as if it had been that from the start.
    @Test(arguments: PlannerFixture.Release.allCases, slots)
    func aBuiltImageBecomesAnotherSlot(release: PlannerFixture.Release, slot: Slot) throws {
        let direct = try PlannerFixture(release, .cbridge)
        try direct.build(slot)
        for other in Self.slots {
            let image = try PlannerFixture(release, .cbridge)
            try image.build(other)
            try image.build(slot)
            // A node's line for USB stays as a controller's, where one made at once has it commented out.
            if slot.isController, release != .bookworm, let config = try image.text("boot:/config.txt") {
                try image.write(
                    config.replacing(
                        "enable_uart=1\ndtoverlay=dwc2,dr_mode=host\n",
                        with: "enable_uart=1\n#dtoverlay=dwc2,dr_mode=peripheral\n"), "boot:/config.txt")
            }
            #expect(try Tree(image) == Tree(direct), "by way of \(other)")
        }
    }

    @Test func noresizeStopsTheOldScriptOnly() throws {
        for (release, ending) in [
            (PlannerFixture.Release.buster, " quiet\n"),
            (.bookworm, " quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n"),
        ] {
            let image = try PlannerFixture(release)
            try image.write("", "boot:/noresize.txt")
            try image.build(.node(1))
            #expect(try image.text("boot:/cmdline.txt")?.hasSuffix(ending) == true)
        }
    }

    @Test func aConvertedBaseThatIsPendingAgainIsNotResized() throws {
        let image = try PlannerFixture(.bookworm, .bootedP2)
        try image.write("a quiet init=/usr/sbin/reconfig-clusterctrl cnat\n", "boot:/cmdline.txt")
        try image.build(.cnat)
        #expect(try image.text("boot:/cmdline.txt") == "a quiet\n")
        #expect(try image.text("boot:/cmdline.old") == "a quiet init=/usr/sbin/reconfig-clusterctrl cnat\n")
    }

    @Test func theGadgetConsoleGoes() throws {
        let image = try PlannerFixture(.bookworm, .bootedP2)
        try image.write("console=tty1 console=ttyGS0 console=ttyGS0,115200 a\n", "boot:/cmdline.txt")
        try image.build(.cnat)
        #expect(try image.text("boot:/cmdline.txt") == "console=tty1 a\n")
    }

    @Test(arguments: ["", "\n", "console=tty1 quiet\n"])
    func aLineWithoutARootIsWarnedOf(_ line: String) throws {
        let image = try PlannerFixture(.bookworm, .bootedP2)
        try image.write(line, "boot:/cmdline.txt")
        let warning = "cmdline.txt names no root=: the kernel will not find its root file system"
        #expect(try image.build(.node(2)).warnings.contains(warning))
        try image.write("root=/dev/mmcblk0p2 \(line)", "boot:/cmdline.txt")
        #expect(try !image.build(.node(2)).warnings.contains(warning))
    }

    @Test func aSecondLineIsDroppedWithAWarning() throws {
        let image = try PlannerFixture(.bookworm, .bootedP2)
        try image.write("a b\r\ncgroup_enable=memory\r\n", "boot:/cmdline.txt")
        let plan = try image.build(.cnat)
        #expect(try image.text("boot:/cmdline.txt") == "a b\n")
        #expect(
            plan.warnings.first
                == "cmdline.txt had 2 lines; the firmware reads only the first one, the others are dropped")
    }
}

/// Everything in both volumes.
struct Tree: Equatable {
    var nodes: [String: FileNode] = [:]

    init(_ image: PlannerFixture) throws {
        try collect(image.boot, .root, "boot:")
        try collect(image.root, .root, "root:")
    }

    private mutating func collect(_ volume: MemoryVolume, _ folder: VolumePath, _ prefix: String) throws {
        for name in try volume.entries(in: folder) {
            guard let path = folder.appending(name), var node = try volume.node(at: path) else { continue }
            node.metadata.modified = 0
            if node.kind == .directory {
                try collect(volume, path, prefix)
            }
            nodes["\(prefix)\(path)"] = node
        }
    }
}

extension Settings {
    /// All that all releases can do.
    static var everything: Settings {
        var settings = Settings()
        settings.hostname = "tealc"
        settings.domain = "chappa.ai"
        settings.ssh = true
        settings.passwordHash = "$6$salt$new"
        settings.authorizedKeys = ["ssh-ed25519 AAAA me@home", "ssh-ed25519 AAAA again", "ssh-rsa BBBB you"]
        settings.passwordLogin = false
        settings.cgroups = true
        settings.kernelArguments.set = ["console=tty2", "panic=10"]
        settings.kernelArguments.remove = ["quiet", "fsck.repair=yes"]
        settings.gpuMemory = 16
        settings.config = [
            .init(
                name: "all", entries: [.init(key: "dtoverlay", value: "disable-bt"), .init(key: "dtparam", value: nil)]),
            .init(name: "pi0", entries: [.init(key: "arm_freq", value: "900")]),
        ]
        settings.timeZone = "Europe/Zurich"
        settings.locale = "en_GB.UTF-8"
        settings.keyboard = .init(layout: "ch", variant: "de")
        settings.wifi = .init(ssid: "Stargate", psk: "chevron seven", hidden: true, country: "CH")
        settings.units.enable = ["mine.service"]
        settings.units.disable = ["static.service"]
        settings.units.mask = ["apt-daily.timer"]
        settings.files = [
            .init(
                target: Target(.root, "/etc/systemd/system/mine.service"),
                content: .file(Array("[Install]\nWantedBy=multi-user.target network.target\nAlias=my.service\n".utf8)),
                mode: 0o644, owner: 0, group: 0, isSecret: false),
            .init(
                target: Target(.root, "/opt/a/b"), content: .symlink("../c"), mode: 0o777, owner: 0, group: 0,
                isSecret: false),
            .init(
                target: Target(.root, "/home/pi/x"), content: .directory, mode: 0o750, owner: 1000, group: 1000,
                isSecret: false),
            .init(
                target: Target(.boot, "/notes/readme.txt"), content: .file([0x41]), mode: 0o644, owner: 0, group: 0,
                isSecret: false),
        ]
        settings.hosts = [
            .init(address: "172.19.181.254", names: ["hammond", "controller"]),
            .init(address: "172.19.181.1", names: ["tealc.lan"]),
        ]
        return settings
    }

    /// The opposite where there is one.
    static var other: Settings {
        var settings = Settings()
        settings.hostname = "oneil"
        settings.ssh = false
        settings.authorizedKeys = ["ssh-ed25519 CCCC x"]
        settings.passwordLogin = true
        settings.cgroups = false
        settings.units.enable = ["ssh.service"]
        settings.units.disable = ["not-there.service"]
        settings.locale = "de_CH.UTF-8"
        settings.wifi = .init(ssid: "Schön \"1\"", psk: nil, hidden: false, country: nil)
        return settings
    }
}
