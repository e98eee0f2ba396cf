import Testing
import Trees

@testable import Plans

/// Every refusal, by an image or a setting that causes it, with its words.
struct PlanErrorTests {
    private func refusal(
        _ release: PlannerFixture.Release = .bookworm, _ kind: PlannerFixture.Kind = .cbridge, _ slot: Slot = .node(3),
        image change: (PlannerFixture) throws -> Void, _ set: (inout Settings) -> Void = { _ in }
    ) throws -> PlanError? {
        let image = try PlannerFixture(release, kind)
        try change(image)
        var settings = Settings()
        set(&settings)
        do throws(PlanError) {
            _ = try image.plan(slot, settings)
            return nil
        } catch {
            return error
        }
    }

    private func refusal(
        _ release: PlannerFixture.Release = .bookworm, _ set: (inout Settings) -> Void
    ) throws -> PlanError? {
        try refusal(release, .cbridge, .node(3), image: { _ in }, set)
    }

    private func expect(
        _ error: PlanError?, _ wanted: PlanError, _ message: String, hint: String?,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(error == wanted, sourceLocation: location)
        #expect(wanted.message == message, sourceLocation: location)
        #expect(wanted.hint == hint, sourceLocation: location)
        #expect(!wanted.isInternal, sourceLocation: location)
    }

    private static let getImage =
        "use one of 8086's ClusterCTRL images: CBRIDGE, CNAT or pN"

    // MARK: The image

    @Test func imagesThatAreNone() throws {
        expect(
            try refusal(image: { try $0.remove("/usr/lib/os-release") }), .unknownRelease,
            "could not recognise the image: neither /etc/os-release nor /usr/lib/os-release names a release",
            hint: "use Raspberry Pi OS, or one of 8086's ClusterCTRL images: CBRIDGE, CNAT or pN")
        expect(
            try refusal(image: {
                try $0.remove("/usr/sbin/clusterctrl")
                try $0.remove("/usr/sbin/reconfig-clusterctrl")
            }), .notClusterCTRL(missing: ["/usr/sbin/reconfig-clusterctrl", "/usr/sbin/clusterctrl"]),
            "could not convert the image: it is no ClusterCTRL image, it lacks /usr/sbin/reconfig-clusterctrl, "
                + "/usr/sbin/clusterctrl", hint: Self.getImage)
        expect(
            try refusal(image: {
                try $0.write("root=/dev/nfs init=/usr/sbin/reconfig-clusterctrl p1\n", "boot:/cmdline.txt")
            }),
            .netbootTree, "could not make a card: the image is a usbboot tree, its cmdline.txt has root=/dev/nfs",
            hint: "use the CBRIDGE, CNAT or pN image of the same release")
    }

    @Test(arguments: [
        ("VERSION=\"9 (stretch)\"\n", "stretch", "stretch has reconfig-clusterhat, not reconfig-clusterctrl"),
        ("VERSION_CODENAME=noble\n", "noble", "noble is no release of Raspberry Pi OS that piforge knows"),
    ]) func releases(text: String, name: String, why: String) throws {
        expect(
            try refusal(image: { try $0.write(text, "/usr/lib/os-release") }), .unsupportedRelease(name),
            "could not convert the image: \(why)",
            hint: "use Raspberry Pi OS of bookworm or trixie, or a ClusterCTRL image of buster, bullseye or bookworm")
    }

    @Test(
        arguments: [
            (
                "boot:/config.txt", "boot:/config.txt", "convert the image",
                "take the file from the image as downloaded"
            ),
            ("/usr/sbin/ifup", "/usr/sbin/ifup", "set up the network of p3", "install ifupdown in the base image"),
            ("/usr/share/clusterctrl/default-clusterctrl", nil, "make /etc/default/clusterctrl", nil),
            ("/usr/share/clusterctrl/interfaces.bookworm.p", nil, "set up the network of p3", nil),
            ("/etc/dhcp/dhclient.conf", nil, "set the address of p3", nil),
            (
                "/lib/systemd/system/clusterctrl-composite.service", "unit clusterctrl-composite.service",
                "enable clusterctrl-composite.service", nil
            ),
        ] as [(String, String?, String, String?)])
    func missingParts(path: String, named: String?, purpose: String, hint: String?) throws {
        let name = named ?? path
        expect(
            try refusal(image: { try $0.remove(path) }), .missingInImage(name, purpose: purpose),
            "could not \(purpose): the image has no \(name)", hint: hint)
    }

    @Test func missingKernelLine() throws {
        expect(
            try refusal(image: { try $0.remove("boot:/cmdline.txt") }),
            .missingKernelLine("/cmdline.txt", namedBy: nil),
            "could not give the kernel its arguments: the image has no boot:/cmdline.txt",
            hint: "take the file from the image as downloaded")
    }

    @Test func filesThatCannotBeRead() throws {
        let big = [UInt8](repeating: 0x41, count: 1 << 20 + 1)
        expect(
            try refusal(image: { try $0.write(big, "/etc/hosts") }),
            .tooLarge(Target(.root, "/etc/hosts"), byteCount: 1 << 20 + 1),
            "could not read root:/etc/hosts: 1048577 bytes are too many for such a file", hint: nil)
        let target = Target(.root, "/etc/network/interfaces.d/clusterctrl")
        let cause = VolumeError.notADirectory("/etc/network/interfaces.d")
        expect(
            try refusal(image: {
                try $0.remove("/etc/network/interfaces.d")
                try $0.write("", "/etc/network/interfaces.d")
            }), .unreadable(target, cause), "could not read \(target): \(cause)", hint: nil)
    }

    @Test func linesThatAreMissing() throws {
        let target = Target(.root, "/etc/dhcp/dhclient.conf")
        let what = "fixed-address 172.19.181.…# ClusterCTRL Px"
        expect(
            try refusal(image: { try $0.write("timeout 10;\n", "/etc/dhcp/dhclient.conf") }),
            .edit(.rule(target, .lineNotFound(what))), "could not change \(target): it has no line \(what)", hint: nil)
    }

    // MARK: Users

    @Test func users() throws {
        expect(
            try refusal(image: { try $0.write("root:x:0:0::/root:/bin/sh\n", "/etc/passwd") }) {
                $0.passwordHash = "h"
            },
            .noFirstUser, "could not set up the login: the image has no user with id 1000",
            hint: "name an existing user with `user`")
        expect(
            try refusal(.buster) { $0.user = "jack" }, .unknownUser("jack", firstUser: "pi"),
            "could not set up user jack: the image has no such user, only pi, and no userconf to rename it",
            hint: "use `user: pi`, or a base image with userconf (2022-04 or later)")
        expect(
            try refusal { settings in
                settings.user = "jack"
                settings.authorizedKeys = ["ssh-rsa A"]
            }, .userNeedsPassword("jack", firstUser: "pi"),
            "could not rename user pi to jack: userconf renames only together with a password",
            hint: "add `password_hash`, or keep `user: pi`")
        expect(
            try refusal { settings in
                settings.user = "jack_o"
                settings.passwordHash = "h"
            }, .invalidUserName("jack_o"),
            "could not use the user name jack_o: userconf takes small letters, digits and -, 32 at most, a letter first",
            hint: nil)
        let file = Target(.root, "/home/jack/x")
        expect(
            try refusal { settings in
                settings.user = "jack"
                settings.passwordHash = "h"
                settings.files = [Self.file(file)]
            }, .movedHome(file, from: "/home/pi"),
            "could not put root:/home/jack/x: the first boot moves /home/pi there and finds the place taken",
            hint: "put it below root:/home/pi")
        let shadow = Target(.root, "/etc/shadow")
        expect(
            try refusal(.buster, image: { try $0.write("root:*:1:\n", "/etc/shadow") }) { $0.passwordHash = "h" },
            .edit(.rule(shadow, .userNotFound("pi"))), "could not change root:/etc/shadow: it has no user pi", hint: nil
        )
    }

    // MARK: Other settings

    private static func file(
        _ target: Target, _ content: Settings.FileCopy.Content = .file([]), mode: UInt16 = 0o644, owner: UInt32 = 0
    ) -> Settings.FileCopy {
        .init(target: target, content: content, mode: mode, owner: owner, group: 0, isSecret: false)
    }

    @Test(arguments: ["Mars/Olympus", "../../etc/passwd", "Europe"]) func timeZones(name: String) throws {
        expect(
            try refusal { $0.timeZone = name }, .noTimeZone(name),
            "could not set the time zone: the image has no /usr/share/zoneinfo/\(name)",
            hint: "use a name such as Europe/Zurich")
    }

    @Test func units() throws {
        expect(
            try refusal { $0.units.enable = ["docker.service"] }, .noUnit("docker.service"),
            "could not find the unit docker.service: neither the image nor the profile's files have it",
            hint: "add the unit's file under `files`, or correct its name")
        expect(
            try refusal { $0.units.enable = ["static.service"] }, .unitWithoutInstall("static.service"),
            "could not enable static.service: it has no [Install] section that says when",
            hint: "enable the unit that wants it")
    }

    @Test func wirelessWithoutPrograms() throws {
        expect(
            try refusal(image: { try $0.remove("/usr/sbin/NetworkManager") }) {
                $0.wifi = .init(ssid: "x", psk: nil, hidden: false, country: nil)
            }, .noWiFi(release: "bookworm"),
            "could not set up Wi-Fi: the bookworm image has neither NetworkManager nor wpa_supplicant", hint: nil)
    }

    @Test func whatBootCannotHold() throws {
        let target = Target(.boot, "/x")
        let cases: [(Settings.FileCopy, String)] = [
            (Self.file(target, .symlink("y")), "symbolic link"), (Self.file(target, owner: 1000), "owner"),
            (Self.file(target, mode: 0o600), "mode"),
        ]
        for (file, what) in cases {
            expect(
                try refusal { $0.files = [file] }, .bootCannotHold(target, what: what),
                "could not put boot:/x: the boot partition stores no \(what)",
                hint: "leave owner and mode away, or put it on the root partition")
        }
        let hidden = Target(.root, "/boot/firmware/ssh")
        expect(
            try refusal { $0.files = [Self.file(hidden)] }, .hiddenByBoot(hidden, mount: "/boot/firmware"),
            "could not put root:/boot/firmware/ssh: the boot partition is mounted at /boot/firmware and hides it",
            hint: "write boot:/ssh")
    }

    @Test func conflicts() throws {
        let hostname = Target(.root, "/etc/hostname")
        expect(
            try refusal { $0.files = [Self.file(hostname)] }, .conflict(hostname, "hostname p3", "file of the profile"),
            "could not plan root:/etc/hostname: hostname p3 contradicts file of the profile",
            hint: "remove one of the two")
        let inside = Target(.root, "/opt/a/b")
        #expect(
            try refusal { $0.files = [Self.file(Target(.root, "/opt/a")), Self.file(inside)] }
                == .conflict(Target(.root, "/opt/a"), "file of the profile", "file of the profile"))
        let config = Target(.boot, "/CONFIG.TXT")
        guard case .conflict? = try refusal(.bookworm, { $0.files = [Self.file(config)] }) else {
            Issue.record("FAT does not tell CONFIG.TXT from config.txt")
            return
        }
        #expect(
            try refusal { $0.units.disable = ["clusterctrl-composite.service"] }
                == .conflict(
                    Target(.root, "/etc/systemd/system/multi-user.target.wants/clusterctrl-composite.service"),
                    "a node is a USB device", "clusterctrl-composite.service off"))
    }

    @Test func contradictions() throws {
        let cases: [((inout Settings) -> Void, String, String)] = [
            ({ $0.kernelArguments.set = ["a=1", "a=2"] }, "a=1", "a=2"),
            (
                { $0.kernelArguments = Self.arguments(set: ["a=1"], remove: ["a"]) }, "kernel argument a=1",
                "the removal of a"
            ),
            (
                {
                    $0.cgroups = true; $0.kernelArguments.set = ["cgroup_disable=memory"]
                }, "cgroup_enable=memory", "cgroup_disable=memory"
            ),
            (
                {
                    $0.cgroups = false; $0.kernelArguments.set = ["cgroup_memory=1"]
                }, "cgroups: false", "cgroup_memory=1"
            ),
            (
                {
                    $0.gpuMemory = 16; $0.config = Self.config("all", "gpu_mem", "32")
                }, "gpu_mem 16", "[all] gpu_mem=32"
            ),
            (
                {
                    $0.gpuMemory = 16; $0.config = Self.config("all", "gpu_mem_512", "32")
                }, "gpu_mem", "gpu_mem_512=32"
            ),
            ({ $0.config = Self.config("all", "a", "1") + Self.config("all", "a", "2") }, "[all] a=1", "a=2"),
            ({ $0.config = Self.config("pi0", "a", "1") + Self.config("pi0", "a", nil) }, "[pi0] a=1", "its removal"),
            (
                { $0.config = Self.config("all", "dtoverlay", "dwc2") },
                "the USB mode dtoverlay=dwc2,dr_mode=peripheral", "dtoverlay=dwc2"
            ),
            (
                { $0.hosts = [.init(address: "10.0.0.1", names: ["x"]), .init(address: "10.0.0.2", names: ["x"])] },
                "10.0.0.1 x", "10.0.0.2 x"
            ),
        ]
        for (set, a, b) in cases {
            expect(
                try refusal(.bookworm, set), .contradiction(a, b),
                "could not plan: \(a) contradicts \(b)", hint: nil)
        }
    }

    private static func arguments(set: [String], remove: [String]) -> Settings.KernelArguments {
        var arguments = Settings.KernelArguments()
        (arguments.set, arguments.remove) = (set, remove)
        return arguments
    }

    private static func config(_ section: String, _ key: String, _ value: String?) -> [Settings.ConfigSection] {
        [.init(name: section, entries: [.init(key: key, value: value)])]
    }

    @Test func linesThatAreTooLong() throws {
        let line = Target(.boot, "/cmdline.txt")
        let long = String(repeating: "y", count: 800)
        guard
            case .edit(.rule(line, .commandLineTooLong(_, limit: 900)))? = try refusal(
                .bookworm,
                {
                    $0.kernelArguments.set = ["x=" + long]
                })
        else {
            Issue.record("800 bytes more are too many")
            return
        }
        #expect(
            PlanError.edit(.rule(line, .commandLineTooLong(byteCount: 901, limit: 900))).hint
                == "use fewer kernel arguments")
        let config = Target(.boot, "/config.txt")
        let error = PlanError.edit(.rule(config, .configLineTooLong("a=\(long)", limit: 98)))
        #expect(try refusal { $0.config = Self.config("all", "a", long) } == error)
        #expect(error.hint == "split the setting into several lines")
    }

    @Test func mistakesOfOurOwn() {
        let target = Target(.root, "/x")
        #expect(PlanError.unstable(target).isInternal && PlanError.notLookedAt(target).isInternal)
        #expect(PlanError.unstable(target).message == "could not plan root:/x: its rules do not settle")
        #expect(PlanError.notLookedAt(target).message == "could not plan root:/x: nobody looked at it in the image")
        #expect(PlanError.unstable(target).hint == nil)
    }

    // MARK: Hostile images

    @Test func linksAreNeitherFollowedOutNorRewritten() throws {
        let hosts = Target(.root, "/etc/hosts")
        expect(
            try refusal(image: {
                try $0.remove("/etc/hosts")
                try $0.link("../../../../etc/passwd", "/etc/hosts")
            }), .edit(.unexpected(hosts, .symlink)), "could not change root:/etc/hosts: it is a symbolic link",
            hint: nil)
        let image = try PlannerFixture(.bookworm)
        try image.remove("/etc/hostname")
        try image.link("../../../x", "/etc/hostname")
        try image.build(.node(3))
        #expect(try image.text("/etc/hostname") == "p3\n")
        #expect(try image.node("/x") == nil)
    }

    @Test func keysAreNotWrittenThroughLinks() throws {
        let folder = Target(.root, "/home/pi/.ssh")
        #expect(
            try refusal(image: { try $0.link("/etc", "/home/pi/.ssh") }) { $0.authorizedKeys = ["ssh-rsa A"] }
                == .edit(.unexpected(folder, .symlink)))
        let file = Target(.root, "/home/pi/.ssh/authorized_keys")
        #expect(
            try refusal(image: { try $0.link("/etc/shadow", "/home/pi/.ssh/authorized_keys") }) {
                $0.authorizedKeys = ["ssh-rsa A"]
            } == .edit(.unexpected(file, .symlink)))
    }
}
