import Identity
import Testing
import Trees

@testable import Plans

/// What machines are told of each other.
@Suite struct ClusterSettingsTests {
    private func profile(_ body: String, files: [String: String] = [:]) throws -> Profile {
        var files = files
        files["test.secret"] = IdentitySettingTests.secret
        return try Fixture.load(body, files: FakeFiles(files: files))
    }

    private func settings(_ slot: Slot, _ profile: Profile) throws -> Settings {
        try profile.settings(for: [slot])[0].settings
    }

    static let cnat = """
        identity: test.secret
        domain: chappa.ai
        defaults: {peers: true}
        slots:
          cnat: {hostname: hammond, address: 192.168.42.10}
          p1: {hostname: oneil}
          p3: {hostname: tealc}

        """

    @Test func peersOfACNATCluster() throws {
        let image = try PlannerFixture(.bookworm)
        let settings = try settings(.node(3), profile(Self.cnat))
        try image.build(.node(3), settings)
        let hosts = try #require(try image.text("/etc/hosts"))
        #expect(
            hosts.hasSuffix(
                "127.0.1.1\ttealc.chappa.ai tealc p3\n172.19.181.254\thammond.chappa.ai hammond cnat\n"
                    + "172.19.181.1\toneil.chappa.ai oneil p1\n"))
        func line(_ names: String, _ slot: String) throws -> String {
            let key = try SlotIdentity(
                try IdentitySecret(fileText: IdentitySettingTests.secret), cluster: "test", slot: slot
            ).hostKey.publicKey.line
            return "\(names),test-\(slot) \(key)\n"
        }
        let wanted = try [
            "# piforge: host keys of the cluster\n",
            line("hammond.chappa.ai,hammond,cnat,172.19.181.254", "cnat"),
            line("oneil.chappa.ai,oneil,p1,172.19.181.1", "p1"), line("tealc.chappa.ai,tealc,p3,172.19.181.3", "p3"),
            "# piforge: end of host keys of the cluster\n",
        ].joined()
        #expect(try image.text("/etc/ssh/ssh_known_hosts") == wanted)
        // Another generation changes one line, and what others wrote there stays.
        try image.write("github.com ssh-ed25519 AAAA\n" + wanted + "# mine\n", "/etc/ssh/ssh_known_hosts")
        let renewed = try profile(
            Self.cnat.replacing("{hostname: oneil}", with: "{hostname: oneil, identity_generation: 2}"))
        try image.build(.node(3), try self.settings(.node(3), renewed))
        let text = try #require(try image.text("/etc/ssh/ssh_known_hosts"))
        #expect(text.hasPrefix("github.com ssh-ed25519 AAAA\n# piforge: host keys") && text.hasSuffix("# mine\n"))
        #expect(zip(text.split(separator: "\n"), ("x\n" + wanted).split(separator: "\n")).count { $0 != $1 } == 2)
    }

    @Test("bridged nodes are named when their address is fixed, and `hosts` goes before") func bridgedPeers() throws {
        let profile = try profile(
            """
            defaults: {peers: true, hosts: {"10.0.0.9": [ronon]}}
            slots:
              cbridge: {hostname: weir, network: {address: 10.0.0.1/24, gateway: 10.0.0.254}}
              p1: {hostname: sheppard}
              p2: {hostname: ronon, address: 10.0.0.2}
              p3: {hostname: teyla, address: teyla.lan}

            """)
        let settings = try settings(.node(1), profile)
        #expect(
            settings.hosts == [
                .init(address: "10.0.0.9", names: ["ronon"]), .init(address: "10.0.0.1", names: ["weir", "cbridge"]),
                .init(address: "10.0.0.2", names: ["p2"]),
            ])
        #expect(settings.knownHosts == [])
        let image = try PlannerFixture(.bullseye)
        try image.build(.node(1), settings)
        #expect(try image.node("/etc/ssh/ssh_known_hosts") == nil)
    }

    // MARK: The roster

    @Test func rosterOfACNATCluster() throws {
        let roster = try profile(Self.cnat).roster(keyFiles: { [$0] })
        #expect(roster.machines.map(\.address) == ["192.168.42.10", "172.19.181.1", "172.19.181.3"])
        #expect(roster.machines.map(\.gateway) == [nil, .cnat, .cnat])
        #expect(roster.machines.map(\.user) == ["pi", "pi", "pi"])
        #expect(roster.names(of: roster.machines[1]) == ["oneil", "oneil.chappa.ai", "test-p1"])
        #expect(roster.knowsAllKeys)
        let elsewhere = try profile(Self.cnat).roster(addresses: [.cnat: "hammond.lan", .node(3): "10.1.2.3"])
        #expect(elsewhere.machines.map(\.address) == ["hammond.lan", "172.19.181.1", "10.1.2.3"])
        #expect(elsewhere.machines.map(\.gateway) == [nil, .cnat, nil])
    }

    @Test func rosterOfABridgedClusterAndOfNodesAlone() throws {
        let bridged = try profile(
            """
            defaults: {user: jack, authorized_keys_files: [keys/admin.pub]}
            slots:
              cbridge: {network: {address: 10.0.0.1/24, gateway: 10.0.0.254}}
              p1: {}
              p2: {user: sam, address: fd00::2}

            """, files: ["keys/admin.pub": Fixture.ed25519]
        ).roster(keyFiles: { [String($0.dropLast(4))] })
        #expect(bridged.machines.map(\.address) == ["10.0.0.1", "p1.local", "fd00::2"])
        #expect(bridged.machines.map(\.gateway) == [nil, nil, nil])
        #expect(bridged.machines.map(\.user) == ["jack", "jack", "sam"])
        #expect(
            bridged.machines.map(\.identityFiles) == [["here/keys/admin"], ["here/keys/admin"], ["here/keys/admin"]])
        #expect(!bridged.knowsAllKeys)
        let nodes = try profile("slots: {p7: {}}").roster()
        #expect(nodes.machines.map(\.address) == ["p7.local"])
    }

    @Test func rosterRefusesNamesWithTwoMeanings() throws {
        #expect(
            throws: ProfileErrors([
                ProfileProblem(
                    ProfilePosition(file: "p.yaml", line: 3, column: 43),
                    "the name `test-p1` means both p1 and p2",
                    hint: "choose other host names: CLUSTER-SLOT is a name of each slot, too")
            ])
        ) { try profile("slots: {p1: {hostname: x}, p2: {hostname: test-p1}}").roster() }
    }

    // MARK: Templates

    @Test func templatesKnowTheirMachine() throws {
        let body = """
            identity: test.secret
            slots:
              cnat: {hostname: hammond}
              p1: {hostname: oneil}
              p3: {hostname: tealc}
            defaults:
              files:
                - {source: conf, target: /etc/conf, template: true}
                - {source: conf, target: /etc/plain}

            """
        let text =
            "${slot} ${number} ${hostname} ${address} ${cluster}|${nodes}|${nodes:,}|${nodes:\\n}|$${slot} $HOME $1 50$"
        let profile = try profile(body, files: ["conf": text])
        func content(_ slot: Slot, _ path: String) throws -> String? {
            for file in try settings(slot, profile).files where file.target.path.description == path {
                if case .file(let bytes) = file.content { return String(decoding: bytes, as: UTF8.self) }
            }
            return nil
        }
        let rest = "|oneil tealc|oneil,tealc|oneil\ntealc|${slot} $HOME $1 50$"
        #expect(try content(.node(3), "/etc/conf") == "p3 3 tealc 172.19.181.3 test" + rest)
        #expect(try content(.cnat, "/etc/conf") == "cnat 0 hammond 172.19.181.254 test" + rest)
        #expect(try content(.node(3), "/etc/plain") == text)
        // A flag for one slot is not for the others.
        let flags = try SettingsLayer(
            flags: [.init(key: "hostname", value: "bratac", origin: "--hostname")], files: NoProfileFiles())
        let renamed = try profile.settings(for: [.node(3)], flags: flags)[0].settings.files[0]
        #expect(
            renamed.content
                == .file(Array(("p3 3 bratac 172.19.181.3 test" + rest.replacing("tealc", with: "bratac")).utf8)))
    }

    @Test(arguments: [
        ("${slo}", "root:/x: `${slo}` has no value"), ("a ${slot", "root:/x: a `${` has no `}` after it"),
        ("${}", "root:/x: `${}` has no value"),
    ])
    func templatesRefuseWordsWithoutAValue(text: String, message: String) throws {
        let profile = try profile(
            "slots: {p1: {files: [{source: f, target: /x, template: true}]}}", files: ["f": text])
        do {
            _ = try settings(.node(1), profile)
            Issue.record("\(text) was taken")
        } catch let error as ProfileErrors {
            #expect(error.problems.map(\.message) == [message])
            #expect(error.problems.first?.position.line == 3)
        }
    }

    // MARK: Base and groups

    @Test func aSlotMayHaveABaseOfItsOwn() throws {
        let digest = String(repeating: "a", count: 64)
        let profile = try profile(
            """
            base: {image: nodes.img}
            slots:
              cnat: {base: {image: big.img.xz, sha256: \(digest)}}
              p1: {}

            """)
        #expect(try settings(.cnat, profile).base == Profile.Base(image: "here/big.img.xz", sha256: digest))
        #expect(try settings(.node(1), profile).base == nil)
        #expect(profile.base == Profile.Base(image: "here/nodes.img", sha256: nil))
    }

    @Test func aBaseMayBeElsewhere() throws {
        let profile = try profile(
            """
            base: {url: [https://example.org/a.img.xz, http://example.org/b.img.xz], signature: a.sig, key: maker.asc}
            slots:
              cnat: {base: https://example.org/c.img.xz}
              p1: {base: {list: lists/os.json, name: Lite}}
              p2: {base: {list: https://example.org/os.json, name: Lite}}
              p3: {base: {url: https://example.org/d.img}}

            """)
        #expect(
            profile.base
                == Profile.Base(
                    .urls(["https://example.org/a.img.xz", "http://example.org/b.img.xz"]),
                    signature: .init(location: "here/a.sig", keys: "here/maker.asc")))
        #expect(try settings(.cnat, profile).base == Profile.Base(.urls(["https://example.org/c.img.xz"])))
        #expect(try settings(.node(1), profile).base == Profile.Base(.listed(name: "Lite", list: "here/lists/os.json")))
        #expect(
            try settings(.node(2), profile).base
                == Profile.Base(.listed(name: "Lite", list: "https://example.org/os.json")))
        #expect(try settings(.node(3), profile).base == Profile.Base(.urls(["https://example.org/d.img"])))
    }

    @Test(
        "a base that names no image, or several, or an address that is none",
        arguments: [
            (
                "{sha256: \(String(repeating: "0", count: 64))}",
                "`base` needs one of the keys `image` or `url` or `list`"
            ),
            ("{image: a.img, url: https://example.org/a}", "`base` has `image` and `url`, and takes one of them"),
            ("{list: a.json}", "`list` needs the key `name`"), ("{image: a.img, name: A}", "`name` is for `list`"),
            ("{url: []}", "`url` is an empty list"), ("{image: a.img, key: b.asc}", "`key` needs the key `signature`"),
            ("{image: a.img, signature: b.sig}", "`signature` needs the key `key`"),
            ("{url: ftp://example.org/a}", "\"ftp://example.org/a\" is no address of https or http"),
            ("{url: \"https://example.org/a b\"}", "the address \"https://example.org/a b\" has a blank"),
            ("{url: https://me:word@example.org/a}", "the address has a user or a password in it"),
            ("{url: [https:///a]}", "the address \"https:///a\" has no host"),
        ])
    func wrongBase(base: String, message: String) throws {
        let error = #expect(throws: ProfileErrors.self) { try profile("base: \(base)\nslots: {p1: {}}\n") }
        #expect(error?.problems.map(\.message) == [message])
    }

    @Test(arguments: PlannerFixture.Release.allCases) func groups(release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release)
        try image.write("root:x:0:\nadm:x:4:syslog\nx:x:999:\npi:x:1000:\n", "/etc/group")
        try image.write("root:*::\nadm:*::syslog\nx:!::\npi:!::\n", "/etc/gshadow", mode: 0o640, group: 42)
        var settings = Settings()
        settings.groups = ["adm", "docker", "video"]
        let plan = try image.build(.node(3), settings)
        #expect(
            try image.text("/etc/group")
                == "root:x:0:\nadm:x:4:syslog,pi\nx:x:999:\npi:x:1000:\ndocker:x:998:pi\nvideo:x:997:pi\n")
        #expect(
            try image.text("/etc/gshadow")
                == "root:*::\nadm:*::syslog,pi\nx:!::\npi:!::\ndocker:!::pi\nvideo:!::pi\n")
        #expect(try image.node("/etc/gshadow")?.metadata.mode == 0o640)
        #expect(plan.edits.first { $0.target == Target(.root, "/etc/gshadow") }?.isSecret == true)
        #expect(try image.plan(.node(3), settings).changes(boot: image.boot, root: image.root) == [])
    }

    @Test func groupNamesAreThoseOfGroupadd() {
        for (name, message) in [
            ("Docker", "\"Docker\" is no name of a group"), ("1st", "\"1st\" is no name of a group"),
            ("a:b", "the group name \"a:b\" has the character \":\""), ("", "the group name is empty"),
            (String(repeating: "a", count: 33), "the group name has 33 characters, the limit is 32"),
        ] {
            #expect { try Validation.groupName(name) } throws: { ($0 as? Refusal)?.message == message }
        }
        #expect(throws: Never.self) { try Validation.groupName("_docker-1") }
    }
}
