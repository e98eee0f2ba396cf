import Identity
import Testing
import Trees

@testable import Plans

/// Host keys and machine ids, from the profile to the image.
@Suite struct IdentitySettingTests {
    static let secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    static let body = """
        identity: test.secret
        domain: chappa.ai
        slots:
          cnat: {hostname: hammond}
          p1: {hostname: oneil}
          p3: {hostname: tealc, identity_generation: 2}

        """

    private func profile(_ body: String = Self.body, files: [String: String] = ["test.secret": Self.secret]) throws
        -> Profile
    {
        try Fixture.load(body, files: FakeFiles(files: files))
    }

    private func settings(_ slot: Slot, _ profile: Profile) throws -> Settings {
        try profile.settings(for: [slot])[0].settings
    }

    @Test(arguments: PlannerFixture.Release.allCases)
    func theKeyLiesWhereNoFirstBootLooks(release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release)
        let plan = try image.build(.node(1), try settings(.node(1), profile()))
        let identity = try SlotIdentity(
            try IdentitySecret(fileText: Self.secret), cluster: "test", slot: "p1", generation: 1)
        let folder = "/etc/ssh/piforge"
        #expect(try image.node(folder)?.metadata.mode == 0o755)
        #expect(try image.text("\(folder)/ssh_host_ed25519") == identity.hostKey.privateFileText)
        #expect(try image.node("\(folder)/ssh_host_ed25519")?.metadata.mode == 0o600)
        #expect(try image.text("\(folder)/ssh_host_ed25519.pub") == identity.hostKey.publicFileText)
        #expect(try image.node("\(folder)/ssh_host_ed25519.pub")?.metadata.mode == 0o644)
        if release == .trixie {
            #expect(try image.text("/etc/machine-id") == "uninitialized\n")
            #expect(try image.text("boot:/cmdline.txt")?.contains(" systemd.machine_id=\(identity.machineID)") == true)
        } else {
            #expect(try image.text("/etc/machine-id") == identity.machineID.fileText)
            #expect(try image.node("/etc/machine-id")?.metadata.mode == 0o444)
        }
        let line = "HostKey \(folder)/ssh_host_ed25519\n"
        let config = try #require(try image.text("/etc/ssh/sshd_config"))
        if release == .buster || release == .earlyBuster {
            #expect(config.hasPrefix(line))
            #expect(try image.node("/etc/ssh/sshd_config.d/10-piforge.conf") == nil)
        } else {
            #expect(!config.contains("HostKey"))
            #expect(try image.text("/etc/ssh/sshd_config.d/10-piforge.conf") == line)
        }
        // What is secret is one file, and the plan says so.
        #expect(plan.edits.filter(\.isSecret).map(\.target) == [Target(.root, "/etc/ssh/piforge/ssh_host_ed25519")])
        #expect(plan.warnings == [])
        #expect(
            try image.plan(.node(1), try settings(.node(1), profile())).changes(boot: image.boot, root: image.root)
                == [])
    }

    @Test func hostKeyLinesOfTheBaseComeAfterOurs() throws {
        let image = try PlannerFixture(.bookworm)
        let old = try #require(try image.text("/etc/ssh/sshd_config"))
        try image.write("HostKey /etc/ssh/ssh_host_ed25519_key\n" + old, "/etc/ssh/sshd_config")
        try image.build(.node(1), try settings(.node(1), profile()))
        let lines = try #require(try image.text("/etc/ssh/sshd_config")).split(separator: "\n").prefix(2)
        #expect(lines == ["HostKey /etc/ssh/piforge/ssh_host_ed25519", "HostKey /etc/ssh/ssh_host_ed25519_key"])
    }

    @Test("generations, files and other clusters give other keys") func keysFollowTheProfile() throws {
        let secret = try IdentitySecret(fileText: Self.secret)
        let all = try profile()
        #expect(
            try settings(.node(3), all).identity?.hostKey
                == SlotIdentity(secret, cluster: "test", slot: "p3", generation: 2).hostKey)
        let own = try Fixture.hostKey()
        let files = ["test.secret": Self.secret, "k": own.privateFileText]
        let imported = try settings(
            .node(3), try profile("identity: test.secret\nslots: {p3: {host_key_file: k}}", files: files))
        #expect(imported.identity?.hostKey == own)
        #expect(imported.identity?.machineID == (try SlotIdentity(secret, cluster: "test", slot: "p3")).machineID)
        let alone = try settings(.node(3), try profile("slots: {p3: {host_key_file: k}}", files: files))
        #expect(alone.identity == .known(own, nil))
        #expect(try settings(.node(3), try profile("slots: {p3: {}}")).identity == nil)
    }

    @Test func refusesWhatIsNoSecretAndNoKey() throws {
        func messages(_ body: String, _ files: [String: String]) -> [String] {
            do {
                let profile = try profile(body, files: files)
                _ = try profile.settings(for: profile.slots)
                return []
            } catch let error as ProfileErrors {
                return error.problems.map { "\($0.position.line): \($0.message)" }
            } catch {
                return ["\(error)"]
            }
        }
        let slots = "slots: {p3: {}}"
        #expect(
            messages("identity: x\n\(slots)", [:]) == ["3: could not read here/x: no such file or folder"])
        #expect(
            messages("identity: x\n\(slots)", ["x": "abc"])
                == ["3: could not use here/x: it is no secret of piforge: one line of 64 hex digits"])
        #expect(
            messages("slots: {p3: {host_key_file: k}}", ["k": "ssh-ed25519 AAAA"])
                == ["3: could not use here/k: it is the public half of a key"])
        #expect(
            messages(
                "slots: {p3: {host_key_file: k, identity_generation: 2}}",
                ["k": try Fixture.hostKey().privateFileText])
                == ["3: `identity_generation` changes nothing beside `host_key_file`"])
        #expect(
            messages("identity: x\ndefaults: {identity_generation: 2}\n\(slots)", ["x": Self.secret])
                == ["4: unknown key `identity_generation` in `defaults`"])
    }

    @Test("without the secret nothing of it is planned, and nothing is said against it") func theSecretMayBeElsewhere()
        throws
    {
        let profile = try profile(files: [:])
        let settings = try profile.settings(for: [.node(1)], needsSecret: false)[0].settings
        #expect(settings.identity == .withheld)
        let image = try PlannerFixture(.bookworm)
        try image.build(.node(1), try self.settings(.node(1), self.profile()))
        #expect(try image.plan(.node(1), settings).changes(boot: image.boot, root: image.root) == [])
        #expect(try image.plan(.node(1), settings).warnings == [])
    }

    @Test func aKeyThatTheBaseBringsIsNamed() throws {
        let image = try PlannerFixture(.bookworm)
        try image.build(.node(1), try settings(.node(1), profile()))
        let plan = try image.plan(.node(2), Settings())
        #expect(plan.warnings.contains("the base has a host key of piforge's: all slots made from it share it"))
    }

    @Test func aTreeForNetbootGetsTheSame() throws {
        let image = try PlannerFixture(.bookworm, .bootedP2)
        try image.write("0123456789abcdef0123456789abcdef\n", "/var/lib/dbus/machine-id")
        let settings = try settings(.node(1), profile())
        let plan = try image.plan(.node(1), settings, medium: .netboot)
        let targets = plan.edits.map(\.target.description)
        #expect(targets.contains("root:/etc/ssh/piforge/ssh_host_ed25519"))
        let id = try #require(plan.edits.first { $0.target == Target(.root, "/etc/machine-id") })
        guard case .put(let node) = id.action else {
            Issue.record("the machine id is not put")
            return
        }
        #expect(node.content == .file(Array((settings.identity?.machineID?.fileText ?? "").utf8)))
        #expect(plan.edits.contains { $0.target == Target(.root, "/var/lib/dbus/machine-id") && $0.action == .remove })
    }

    // MARK: Printing

    @Test func noSecretIsInAnOriginOrDump() throws {
        let profile = try profile()
        let origins = profile.origins(for: .node(3)).map { "\($0.key) = \($0.value)" }
        #expect(origins.contains("identity = here/test.secret"))
        var text = origins.joined() + "\(profile)" + String(reflecting: profile)
        dump(profile, to: &text)
        dump(try settings(.node(3), profile), to: &text)
        #expect(!text.contains("0102030405"))
        #expect(!text.contains(try #require(try settings(.node(3), profile).identity?.hostKey?.privateFileText)))
    }
}
