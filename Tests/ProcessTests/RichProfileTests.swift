import Foundation
import TestSupport
import Testing

/// Nearly every setting at once, read back by other people's tools and held against what the profile says.
@Suite(.needs(BaseSpec.tools + ["mtype"]))
struct RichProfileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var spec: BaseSpec
        var slot: String
        var hostname: String
        var testDescription: String { "\(spec.testDescription) as \(slot)" }
    }

    /// Every slot on each of these; in a sample one each.
    static let cases: [Case] = [
        BaseSpec.of("buster", "cbridge"), BaseSpec.of("buster", "cnat", isBooted: true),
        BaseSpec.of("bullseye", "p2"), BaseSpec.of("bullseye", "cbridge", isBooted: true),
        BaseSpec.of("bookworm", "cbridge"), BaseSpec.of("bookworm", "p2", isBooted: true),
    ].enumerated().flatMap { place, spec in
        let slots = [("p3", "tealc"), ("cnat", "hammond"), ("p252", "far"), ("cbridge", "cbridge")]
        let chosen = Thoroughness.isFull ? slots : [slots[place % slots.count]]
        return chosen.map { Case(spec: spec, slot: $0.0, hostname: $0.1) }
    }

    @Test(arguments: cases)
    func reads(_ test: Case) async throws {
        let base = try Card(try await test.spec.path())
        let profile = try RichProfile()
        let folder = try TemporaryFolder()
        let result = try #require(
            try await Piforge.build(test.slot, from: base.path, into: folder.path, profile: profile.path).first)
        let card = try Card(result.imagePath)
        try card.expectClean()
        #expect(card.table == base.table)
        let found = Found(test: test, old: try await test.spec.tree(), new: try CardTree(card))
        try found.expectBoot(card)
        found.expectIdentity()
        found.expectLogin()
        found.expectSystem()
        found.expectFiles()
    }

    /// The two trees and what is asked of the new one.
    private struct Found {
        var test: Case
        var old: CardTree
        var new: CardTree

        var isNode: Bool { test.slot.hasPrefix("p") }
        var number: String { isNode ? String(test.slot.dropFirst()) : "" }
        var isBookworm: Bool { test.spec.release == "bookworm" }

        func text(_ path: String) -> String? {
            new.root[path]?.bytes.map { String(decoding: $0, as: UTF8.self) }
        }

        func lines(_ path: String) -> [String] { text(path)?.components(separatedBy: "\n") ?? [] }

        func expectEntry(
            _ path: String, _ type: String, _ mode: UInt16, _ owner: String = "0:0",
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let entry = new.root[path]
            #expect(entry?.type == type, "\(path)", sourceLocation: sourceLocation)
            #expect(entry?.mode == mode, "\(path)", sourceLocation: sourceLocation)
            #expect(entry?.owner == owner, "\(path)", sourceLocation: sourceLocation)
        }

        func expectBoot(_ card: Card) throws {
            let typed = try Shell.run("mtype", ["-i", card.bootName, "::cmdline.txt"])
            #expect(typed.output.hasSuffix("\n") && typed.output.filter { $0 == "\n" }.count == 1)
            let words = typed.output.split(whereSeparator: \.isWhitespace).map(String.init)
            for word in ["panic=10", "cgroup_enable=cpuset", "cgroup_memory=1", "cgroup_enable=memory", "rootwait"] {
                #expect(words.filter { $0 == word }.count == 1, "\(word)")
            }
            #expect(words.contains("cfg80211.ieee80211_regdom=DE") == isBookworm)
            #expect(!words.contains("quiet"))
            #expect(!typed.output.contains("reconfig-clusterctrl"))
            let chained =
                test.spec.release == "buster"
                ? "init=/usr/lib/raspi-config/init_resize.sh" : "init=/usr/lib/raspberrypi-sys-mods/firstboot"
            // What follows init= would be that program's argument.
            #expect(words.filter { $0.hasPrefix("init=") } == (test.spec.isBooted ? [] : [chained]))
            if !test.spec.isBooted { #expect(words.last == chained) }

            let config = try Shell.run("mtype", ["-i", card.bootName, "::config.txt"]).output
            let settings = Self.effective(config, for: isNode ? ["all", "pi0"] : ["all", "pi4"])
            #expect(settings.last { $0.hasPrefix("gpu_mem=") } == "gpu_mem=\(test.slot == "p252" ? 32 : 16)")
            #expect(settings.last { $0.hasPrefix("disable_splash=") } == "disable_splash=1")
            #expect(settings.contains("dtoverlay=disable-bt") == isNode)
            let modes = Set(settings.filter { $0.hasPrefix("dtoverlay=dwc2") })
            // Before bookworm a controller's line is commented out, and its USB is a host without it.
            if isNode || isBookworm { #expect(modes == ["dtoverlay=dwc2,dr_mode=\(isNode ? "peripheral" : "host")"]) }
            #expect(!modes.contains("dtoverlay=dwc2,dr_mode=\(isNode ? "host" : "peripheral")"))
            #expect(config.split(separator: "\n").allSatisfy { $0.utf8.count <= 98 })

            let names = try Shell.run("mdir", ["-/", "-b", "-i", card.bootName, "::"]).output
                .split(separator: "\n").map(String.init)
            #expect(names.contains("::/ssh"))
            #expect(names.contains("::/Notes about this card.txt"))
            #expect(names.contains("::/more/blob.bin"))
            #expect(Set(names).count == names.count)
            #expect(new.boot["Notes about this card.txt"]?.bytes == Data("long names live on FAT\n".utf8))
            #expect(new.boot["more/blob.bin"]?.bytes == Data(RichProfile.blob))
            let usesUserconf = test.spec.release != "buster"
            #expect(new.boot["userconf.txt"]?.bytes == (usesUserconf ? Data("pi:\(RichProfile.hash)\n".utf8) : nil))
        }

        /// The lines of config.txt that hold for a board, in order; the last one of a key counts.
        static func effective(_ config: String, for sections: Set<String>) -> [String] {
            var isOn = true
            var settings: [String] = []
            for line in config.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                if line.hasPrefix("[") {
                    isOn = sections.contains(String(line.dropFirst().prefix { $0 != "]" }))
                } else if isOn, !line.hasPrefix("#") {
                    settings.append(line)
                }
            }
            return settings
        }

        func expectIdentity() {
            #expect(text("etc/hostname") == test.hostname + "\n")
            #expect(new.root["etc/hostname"]?.attributes.contains("user.large (700)") == true)
            let hosts = lines("etc/hosts")
            let names = Set(["\(test.hostname).example.net", test.hostname, test.slot])
            let own = hosts.filter { $0.hasPrefix("127.0.1.1") }
            #expect(own.count == 1)
            let words = own.first?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
            #expect(Set(words.dropFirst()) == names)
            #expect(words.count > 1 && words[1] == "\(test.hostname).example.net")
            let nas = hosts.filter { $0.hasPrefix("192.168.1.10") }.flatMap { $0.split(whereSeparator: \.isWhitespace) }
            #expect(nas == ["192.168.1.10", "nas.example.net", "nas"])
            #expect(hosts.contains("127.0.0.1\tlocalhost"))
            let defaults = lines("etc/default/clusterctrl")
            let type = isNode ? "TYPE=node" : test.slot == "cnat" ? "TYPE=cnat" : "TYPE=c"
            #expect(defaults.filter { $0.hasPrefix("TYPE=") } == [type])
            #expect(defaults.filter { $0.hasPrefix("ID=") } == (isNode ? ["ID=\(number)"] : []))
            let address = isNode ? "172.19.181.\(number)" : "172.19.181.253"
            if isBookworm {
                // Controllers have no usb0: their line may keep whatever a node left there.
                let line = lines("etc/dhcp/dhclient.conf").filter { $0.hasSuffix("# ClusterCTRL Px") }
                #expect(line == ["  fixed-address \(address); # ClusterCTRL Px"])
            } else {
                let line = lines("etc/dhcpcd.conf").filter { $0.hasSuffix("#ClusterCTRL") }
                #expect(line == ["static ip_address=\(address)/24 #ClusterCTRL"])
            }
            let forward = lines("etc/sysctl.conf").filter { $0.contains("# ClusterCTRL") }
            #expect(forward == [(test.slot == "cnat" ? "" : "#") + "net.ipv4.ip_forward=1 # ClusterCTRL"])
        }

        func expectLogin() {
            let shadow = lines("etc/shadow").first { $0.hasPrefix("pi:") }?.split(separator: ":") ?? []
            // userconf sets the hash on the Pi; without it the hash stands in the file.
            #expect((shadow.dropFirst().first.map(String.init) == RichProfile.hash) == (test.spec.release == "buster"))
            #expect(lines("etc/shadow").filter { $0.hasPrefix("root:*:") }.count == 1)
            expectEntry("etc/shadow", "regular", 0o640, "0:42")
            #expect(text("home/pi/.ssh/authorized_keys") == RichProfile.key + "\n")
            expectEntry("home/pi/.ssh", "directory", 0o700, "1000:1000")
            expectEntry("home/pi/.ssh/authorized_keys", "regular", 0o600, "1000:1000")
            if test.spec.release == "buster" {
                #expect(lines("etc/ssh/sshd_config").contains("PasswordAuthentication no"))
            } else {
                #expect(lines("etc/ssh/sshd_config.d/00-piforge.conf").contains("PasswordAuthentication no"))
                expectEntry("etc/ssh/sshd_config.d/00-piforge.conf", "regular", 0o644)
            }
        }

        func expectSystem() {
            expectEntry("etc/localtime", "symlink", 0o777)
            #expect(text("etc/localtime") == "/usr/share/zoneinfo/Europe/Berlin")
            #expect(text("etc/timezone") == "Europe/Berlin\n")
            #expect(lines("etc/default/locale").contains("LANG=de_DE.UTF-8"))
            #expect(lines("etc/locale.gen").contains("de_DE.UTF-8 UTF-8"))
            #expect(lines("etc/default/keyboard").contains("XKBLAYOUT=\"de\""))
            #expect(lines("etc/default/keyboard").contains("XKBVARIANT=\"nodeadkeys\""))
            if isBookworm {
                let path = "etc/NetworkManager/system-connections/piforge-wifi.nmconnection"
                expectEntry(path, "regular", 0o600)
                #expect(lines(path).contains("psk=\(RichProfile.psk)"))
                // "Home Net" as byte values.
                #expect(lines(path).contains("ssid=72;111;109;101;32;78;101;116;"))
            } else {
                let path = "etc/wpa_supplicant/wpa_supplicant.conf"
                expectEntry(path, "regular", 0o600)
                #expect(lines(path).contains("\tssid=\"Home Net\""))
                #expect(lines(path).contains("\tpsk=\"\(RichProfile.psk)\""))
                #expect(lines(path).contains("country=DE"))
            }
            #expect(text("var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan") == "0\n")
            let wants = "etc/systemd/system/multi-user.target.wants/"
            #expect(text(wants + "hello.service") == "/etc/systemd/system/hello.service")
            #expect(new.root[wants + "networking.service"] == nil)
            #expect(text("etc/systemd/system/nfs-kernel-server.service") == "/dev/null")
            #expect((new.root[wants + "clusterctrl-init.service"] != nil) == !isNode)
            #expect((new.root[wants + "clusterctrl-composite.service"] != nil) == isNode)
            let getty = new.root["etc/systemd/system/getty.target.wants/serial-getty@ttyGS0.service"]
            #expect((getty != nil) == isNode)
        }

        func expectFiles() {
            #expect(text("etc/motd") == "Welcome\n")
            expectEntry("etc/motd", "regular", 0o644)
            expectEntry("opt/tree", "directory", 0o755)
            expectEntry("opt/tree/run", "regular", 0o755)
            expectEntry("opt/tree/sub/up", "symlink", 0o777)
            #expect(text("opt/tree/sub/up") == "../a.txt")
            #expect(new.root["srv/deep/er/blob"]?.bytes == Data(RichProfile.blob))
            expectEntry("srv/deep/er/blob", "regular", 0o640, "1000:1000")
            expectEntry("srv/deep/er", "directory", 0o755)
            expectEntry("srv/empty", "directory", 0o750)
            expectEntry("etc/nothing", "symlink", 0o777)
            #expect(text("etc/token") == RichProfile.token)
            expectEntry("etc/token", "regular", 0o600)
            #expect(
                new.root["usr/bin/ping"]?.attributes
                    == "  security.capability (20) = 01 00 00 02 00 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ")
            for name in ["ifup", "ifdown", "ifquery"] {
                #expect(new.root["usr/sbin/" + name]?.inode == new.root["usr/sbin/ifup"]?.inode)
                #expect(new.root["usr/sbin/" + name]?.inode.contains("Links: 3 ") == true)
            }
            expectEntry("usr/bin/sudo", "regular", 0o4755)
        }
    }
}
