import Plans
import Testing
import Trees

/// Decoding, merging and origins of profiles that are right.
struct ProfileTests {
    @Test("defaults, slot and flags lie over each other: values replace, lists add, doubles go")
    func layers() throws {
        let profile = try Fixture.load(
            """
            domain: chappa.ai
            defaults:
              ssh: true
              gpu_mem: 16
              authorized_keys: [\(Fixture.ed25519) first]
              kernel_arguments: {set: [quiet, a=1], remove: [splash]}
              units: {enable: [docker.service], mask: [b.timer]}
              config: {arm_boost: 1, dtoverlay: [x], pi0: {dtparam: audio=on}}
              hosts: {"10.0.0.1": [nas]}
            slots:
              cnat:
              p3:
                hostname: tealc
                gpu_mem: 32
                authorized_keys: [\(Fixture.ed25519) second, \(Fixture.otherEd25519)]
                kernel_arguments: {set: [a=2, splash], remove: [quiet]}
                units: {disable: [docker.service], enable: [c.socket]}
                config: {arm_boost: null, dtoverlay: y, pi0: {dtparam: null}}
                hosts: {"10.0.0.1": [nas, nas.home], "fd00::1": [six]}
            """)
        #expect(profile.slots == [.cnat, .node(3)])
        let flags = try SettingsLayer(
            flags: [.init(key: "gpu_mem", value: "64", origin: "--gpu-mem")], files: NoProfileFiles())
        let settings = try profile.settings(for: .node(3), flags: flags)
        #expect(settings.hostname == "tealc")
        #expect(settings.domain == "chappa.ai")
        #expect(settings.ssh == true)
        #expect(settings.gpuMemory == 64)
        #expect(settings.authorizedKeys == ["\(Fixture.ed25519) second", Fixture.otherEd25519])
        #expect(settings.kernelArguments.set == ["a=2", "splash"])
        #expect(settings.kernelArguments.remove == ["quiet"])
        #expect(settings.units.enable == ["c.socket"])
        #expect(settings.units.disable == ["docker.service"])
        #expect(settings.units.mask == ["b.timer"])
        #expect(
            settings.config == [
                .init(
                    name: "all",
                    entries: [
                        .init(key: "dtoverlay", value: "x"), .init(key: "arm_boost", value: nil),
                        .init(key: "dtoverlay", value: "y"),
                    ]),
                .init(name: "pi0", entries: [.init(key: "dtparam", value: nil)]),
            ])
        #expect(
            settings.hosts == [
                .init(address: "10.0.0.1", names: ["nas", "nas.home"]), .init(address: "fd00::1", names: ["six"]),
            ])
        #expect(try profile.settings(for: .cnat).gpuMemory == 16)
        #expect(try profile.settings(for: .cnat).hostname == nil)
    }

    @Test("what is written is what is meant: no implicit types")
    func texts() throws {
        let profile = try Fixture.load(
            """
            slots:
              p1:
                wifi: {ssid: 12345678, psk: 00001234, country: NO, hidden: true}
                user: "no"
                files:
                  - {content: x, target: /a, mode: 0600, owner: user, group: 44}
                  - {content: x, target: /b, mode: "4755"}
                config: {framebuffer_width: 0640, dtparam: ["spi=on"]}
            """)
        let settings = try profile.settings(for: .node(1))
        #expect(settings.wifi == .init(ssid: "12345678", psk: "00001234", hidden: true, country: "NO"))
        #expect(settings.user == "no")
        #expect(settings.files.map(\.mode) == [0o600, 0o4755])
        #expect(settings.files.map(\.owner) == [1000, 0])
        #expect(settings.files.map(\.group) == [44, 0])
        #expect(settings.config.first?.entries.first == .init(key: "framebuffer_width", value: "0640"))
    }

    @Test("aliases and merge keys")
    func aliases() throws {
        let profile = try Fixture.load(
            """
            slots:
              p1: &node
                ssh: true
                gpu_mem: 16
              p2:
                <<: *node
                gpu_mem: 32
              p3: *node
              p4: {<<: [{ssh: false}, *node]}
            """)
        #expect(try profile.settings(for: .node(2)).ssh == true)
        #expect(try profile.settings(for: .node(2)).gpuMemory == 32)
        #expect(try profile.settings(for: .node(3)).gpuMemory == 16)
        #expect(try profile.settings(for: .node(4)).ssh == false)
    }

    @Test("every effective value says where it comes from, secrets excepted")
    func origins() throws {
        let profile = try Fixture.load(
            """
            domain: chappa.ai
            defaults:
              ssh: true
              wifi: {ssid: Home, psk: correct horse}
              config: {pi0: {dtoverlay: [a, b]}}
            slots:
              p3:
                files: [{content: secret text, target: /x, secret: true}]
                gpu_mem: 32
            """)
        let flags = try SettingsLayer(
            flags: [.init(key: "ssh", value: "false", origin: "--ssh")], files: NoProfileFiles())
        let rows = profile.origins(for: .node(3), flags: flags).map { "\($0.key)|\($0.value)|\($0.origin)" }
        #expect(
            rows == [
                "hostname|p3|the slot", "ssh|false|--ssh", "gpu_mem|32|p.yaml:11",
                "config.pi0.dtoverlay|a|p.yaml:7", "config.pi0.dtoverlay|b|p.yaml:7", "wifi.ssid|Home|p.yaml:6",
                "wifi.psk|(secret)|p.yaml:6", "files|root:/x 0644 0:0, (secret)|p.yaml:10",
                "domain|chappa.ai|p.yaml:3",
            ])
    }

    @Test("keys and passphrases from files, comments and blank lines passed over")
    func keyFiles() throws {
        let files = FakeFiles(files: [
            "keys.pub": "# mine\n\n\(Fixture.ed25519) me\r\n  \(Fixture.otherEd25519)\n", "psk": "correct horse\n",
        ])
        let body = """
            defaults:
              authorized_keys: [\(Fixture.otherEd25519)]
              authorized_keys_files: [keys.pub]
              wifi: {ssid: Home, psk_file: psk}
            slots: {p1: {}}
            """
        let profile = try Fixture.load(body, files: files)
        let settings = try profile.settings(for: .node(1))
        #expect(settings.authorizedKeys == [Fixture.otherEd25519, "\(Fixture.ed25519) me"])
        #expect(settings.wifi?.psk == "correct horse")
        let origin = profile.origins(for: .node(1)).first { $0.value.contains("me") || $0.origin.contains("keys.pub") }
        #expect(origin?.origin == "here/keys.pub:4")
    }

    @Test("a password's hash from a file, which a slot may have another way than the defaults")
    func passwordFile() throws {
        let other = "$5$other$" + String(repeating: "y", count: 43)
        let files = FakeFiles(files: ["pi.hash": "\(Fixture.passwordHash)\r\nsecond line\n", "plain": "secret\n"])
        let body = """
            defaults: {password_hash_file: pi.hash}
            slots: {p1: {}, p2: {password_hash: "\(other)"}}
            """
        let profile = try Fixture.load(body, files: files)
        #expect(try profile.settings(for: .node(1)).passwordHash == Fixture.passwordHash)
        #expect(try profile.settings(for: .node(2)).passwordHash == other)
        let flag = try SettingsLayer(
            flags: [.init(key: "password_hash_file", value: "pi.hash", origin: "--set")], files: files)
        #expect(try profile.settings(for: .node(2), flags: flag).passwordHash == Fixture.passwordHash)
        let origin = profile.origins(for: .node(1)).first { $0.key == "password_hash" }
        #expect(origin?.value == "(secret)" && origin?.origin == "p.yaml:3")
        do {
            _ = try Fixture.load("defaults: {password_hash_file: plain}\nslots: {p1: {}}", files: files)
            Issue.record("a password in plain text was taken for a hash")
        } catch {
            #expect(
                error.problems.map(\.message) == [
                    "here/plain: this is no crypt(5) hash; a password in plain text does not belong here"
                ])
        }
    }

    @Test("a folder is copied with all below it, sorted, links as links")
    func folder() throws {
        let files = FakeFiles(
            files: [
                "tree/": "", "tree/b/": "", "tree/b/run": "#!/bin/sh\n", "tree/a": "one",
                "tree/l": "-> ../../etc/passwd",
            ], executables: ["tree/b/run"])
        let profile = try Fixture.load(
            "slots: {p1: {files: [{source: tree, target: /opt/x, owner: 7}]}}", files: files)
        let copies = try profile.settings(for: .node(1)).files
        #expect(
            copies.map(\.summary) == [
                "root:/opt/x 0755 7:0, folder", "root:/opt/x/a 0644 7:0, 3 bytes", "root:/opt/x/b 0755 7:0, folder",
                "root:/opt/x/b/run 0755 7:0, 10 bytes", "root:/opt/x/l 0777 7:0, link to ../../etc/passwd",
            ])
        let strict = try Fixture.load(
            "slots: {p1: {files: [{source: tree, target: /opt/x, mode: 0640}]}}", files: files)
        #expect(try strict.settings(for: .node(1)).files.map(\.mode) == [0o750, 0o640, 0o750, 0o640, 0o777])
    }

    @Test("a folder with thousands of files", .mustEnd)
    func manyFiles() throws {
        var files = FakeFiles(files: ["t/": ""])
        for number in 0..<5000 { files.files["t/\(number)"] = "x" }
        let profile = try Fixture.load(
            "defaults: {files: [{source: t, target: /t}]}\nslots: {p1: , p2: }", files: files)
        #expect(try profile.settings(for: .node(2)).files.count == 5001)
    }

    @Test("a slot's file takes the place of the defaults'")
    func replacedFile() throws {
        let profile = try Fixture.load(
            """
            defaults: {files: [{content: a, target: /etc/motd}, {content: z, target: /z.txt, partition: boot}]}
            slots: {p1: {files: [{content: b, target: /etc/motd}]}}
            """)
        let files = try profile.settings(for: .node(1)).files
        #expect(files.map(\.target) == [.init(.root, "/etc/motd"), .init(.boot, "/z.txt")])
        #expect(files.map(\.content) == [.file([0x62]), .file([0x7A])])
    }

    @Test("the base is relative to the profile")
    func base() throws {
        let digest = String(repeating: "0a", count: 32)
        let profile = try Fixture.load("base: {image: i.img.xz, sha256: \(digest)}\nslots: {p1: }")
        #expect(profile.base == .init(image: "here/i.img.xz", sha256: digest))
    }

    @Test("a base may be its path alone") func shortBase() throws {
        let profile = try Fixture.load("base: i.img.xz\nslots: {cnat: {base: ../arm64.img}, p1: }")
        #expect(profile.base == .init(image: "here/i.img.xz", sha256: nil))
        #expect(try profile.settings(for: .cnat).base == .init(image: "here/../arm64.img", sha256: nil))
        #expect(try profile.settings(for: .node(1)).base == nil)
    }
}

/// Flags, alone and over a profile.
struct ProfileFlagTests {
    private func layer(_ assignments: String..., files: FakeFiles = FakeFiles()) throws(ProfileErrors) -> Settings {
        var flags: [SettingsLayer.Flag] = []
        for text in assignments { flags.append(try .init(assignment: text)) }
        return Settings(try SettingsLayer(flags: flags, files: files))
    }

    @Test("everything for one slot can come from flags")
    func alone() throws {
        let settings = try layer(
            "hostname=tealc", "domain=chappa.ai", "ssh=true", "time_zone=Europe/Berlin", "wifi.ssid=Home",
            "wifi.psk=~~~~~~~~", "config.pi0.dtoverlay=a", "config.pi0.dtoverlay=b", "config.arm_boost=1",
            "config.pi4={hdmi_safe: 1}",
            "kernel_arguments.set=quiet", "kernel_arguments.set=console=tty1,115200", "units.enable=foo.service",
            "gpu_mem=16", "hosts.192.168.1.10=nas", "hosts.fd00::1=[a, b]",
            "files=[{content: x, target: /x}]", "files={link: y, target: /y}", "keyboard={layout: gb}",
            "authorized_keys=\(Fixture.ed25519) a=b")
        #expect(settings.hostname == "tealc")
        #expect(settings.domain == "chappa.ai")
        #expect(settings.timeZone == "Europe/Berlin")
        #expect(settings.wifi == .init(ssid: "Home", psk: "~~~~~~~~", hidden: false, country: nil))
        #expect(settings.config.map(\.name) == ["pi0", "all", "pi4"])
        #expect(settings.config.first?.entries.map(\.value) == ["a", "b"])
        #expect(settings.config.last?.entries == [.init(key: "hdmi_safe", value: "1")])
        #expect(settings.kernelArguments.set == ["quiet", "console=tty1,115200"])
        #expect(settings.units.enable == ["foo.service"])
        #expect(settings.gpuMemory == 16)
        #expect(settings.hosts.map(\.names) == [["nas"], ["a", "b"]])
        #expect(settings.files.map(\.target.path) == ["/x", "/y"])
        #expect(settings.keyboard == .init(layout: "gb"))
        #expect(settings.authorizedKeys == ["\(Fixture.ed25519) a=b"])
    }

    @Test("without a profile", arguments: [Slot.cnat, .node(252)])
    func noProfile(slot: Slot) throws {
        let flags = try SettingsLayer(
            flags: [.init(key: "cgroups", value: "true", origin: "--cgroups")], files: NoProfileFiles())
        #expect(try Profile.none.settings(for: slot, flags: flags).cgroups == true)
    }

    @Test(
        "wrong flags are named",
        arguments: [
            ("hostname", "--set: \"hostname\" is not of the form KEY=VALUE\nhint:  --set time_zone=Europe/Berlin"),
            ("tiem_zone=UTC", "--set tiem_zone: unknown key `tiem_zone`\nhint:  did you mean `time_zone`?"),
            ("wifi.sid=x", "--set wifi.sid: unknown key `wifi.sid`\nhint:  did you mean `ssid`?"),
            ("ssh=yes", "--set ssh: `ssh` takes true or false, not `yes`\nhint:  ssh: true"),
            ("gpu_mem=15", "--set gpu_mem: `gpu_mem` takes a whole number from 16 to 944, not 15"),
            ("ssh.now=1", "--set ssh.now: `ssh` has no keys below it\nhint:  ssh=true"),
            ("cluster=x", "--set cluster: unknown key `cluster`"),
            ("user=", "--set user: `user` has no value\nhint:  user: pi, or take the key out"),
            (
                "wifi=[",
                "--set wifi: the value is not valid YAML\nhint:  check the indentation, and brackets and quotes for their partner"
            ),
        ])
    func wrong(text: String, expected: String) {
        do {
            _ = try layer(text)
            Issue.record("accepted \(text)")
        } catch {
            #expect(error.description == expected)
        }
    }

    @Test("an authorized key is a line or a file")
    func authorizedKey() {
        #expect(SettingsLayer.Flag(authorizedKey: Fixture.ed25519).key == "authorized_keys")
        #expect(SettingsLayer.Flag(authorizedKey: "no-pty \(Fixture.ed25519)").key == "authorized_keys")
        #expect(SettingsLayer.Flag(authorizedKey: "~/.ssh/id_ed25519.pub").key == "authorized_keys_files")
    }

    @Test("one host name for two slots is refused")
    func sharedHostname() throws {
        let flags = try SettingsLayer(
            flags: [.init(key: "hostname", value: "x", origin: "--hostname")], files: NoProfileFiles())
        #expect(
            throws: ProfileErrors([
                ProfileProblem(
                    ProfilePosition(file: "--hostname"), "the host name `x` is given to p1 and p2",
                    hint: "each slot needs a name of its own")
            ])
        ) {
            _ = try Profile.none.settings(for: [.node(1), .node(2)], flags: flags)
        }
        #expect(
            throws: ProfileErrors([
                ProfileProblem(
                    ProfilePosition(file: "--hostname"), "`p2` is the name of another slot than p3",
                    hint: "a name of its own, or none")
            ])
        ) {
            let flag = SettingsLayer.Flag(key: "hostname", value: "p2", origin: "--hostname")
            _ = try Profile.none.settings(for: .node(3), flags: .init(flags: [flag], files: NoProfileFiles()))
        }
    }
}
