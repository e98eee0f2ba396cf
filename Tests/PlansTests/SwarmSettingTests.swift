import Testing
import Trees

@testable import Plans

/// `swarm` and `nodes_on`, from the profile to the images of controller and node.
@Suite struct SwarmSettingTests {
    static let stack = "version: \"3.8\"\nservices: {web: {image: nginx:1}}\n"
    static let files = FakeFiles(files: [
        "test.secret": IdentitySettingTests.secret, "cf": "s3cr3t\n", "web.yaml": stack,
    ])
    static let body = """
        identity: test.secret
        swarm: {networks: [proxy], secrets: {cf_token: cf}, stacks: {web: web.yaml}}
        defaults: {docker: {}, ssh: true}
        slots:
          cnat: {hostname: hammond, nodes_on: true}
          p1: {hostname: oneil}
          p2: {hostname: carter}

        """

    private func settings(_ slot: Slot, _ body: String = Self.body) throws -> Settings {
        try Fixture.load(body, files: Self.files).settings(for: slot)
    }

    private func image(_ release: PlannerFixture.Release = .bookworm) throws -> PlannerFixture {
        let image = try PlannerFixture(release)
        try DockerFixture.addEngine(to: image)
        return image
    }

    @Test(arguments: PlannerFixture.Release.allCases)
    func theControllerMakesIt(release: PlannerFixture.Release) throws {
        let image = try image(release)
        let settings = try settings(.cnat)
        let plan = try image.build(.cnat, settings)
        let folder = "/etc/piforge/swarm"
        #expect(
            try image.text("\(folder)/swarm.conf")
                == "CLUSTER=test\nSLOT=cnat\nADDRESS=172.19.181.254\nPOOL=10.181.0.0/16\n")
        #expect(try image.text("\(folder)/networks") == "proxy\n")
        #expect(try image.text("\(folder)/secrets/cf_token") == "s3cr3t\n")
        #expect(try image.node("\(folder)/secrets/cf_token")?.metadata.mode == 0o600)
        #expect(try image.node("\(folder)/secrets")?.metadata.mode == 0o700)
        #expect(try image.text("\(folder)/stacks/web.yaml") == Self.stack)
        let keys = try #require(try image.text("/etc/ssh/piforge/authorized_keys")).split(separator: "\n")
        #expect(keys.count == 2)
        #expect(
            keys[1].hasPrefix(
                "restrict,from=\"172.19.181.2\",command=\"/usr/local/lib/piforge/swarm-ticket p2\" ssh-ed25519 "))
        #expect(try image.node("/etc/ssh/piforge/authorized_keys")?.metadata.mode == 0o600)
        let isBuster = release == .buster || release == .earlyBuster
        let server = try #require(
            try image.text(isBuster ? "/etc/ssh/sshd_config" : "/etc/ssh/sshd_config.d/11-piforge-cluster.conf"))
        #expect(server.contains("Match User root Address 172.19.181.1,172.19.181.2\n"))
        #expect(server.contains("    PermitRootLogin forced-commands-only\n"))
        #expect(try image.linkText("/etc/systemd/system/multi-user.target.wants/piforge-swarm.service") != nil)
        for name in ["swarm-manager", "swarm-deploy", "swarm-ticket", "nodes-on", "nodes-off"] {
            #expect(try image.node("/usr/local/lib/piforge/\(name)")?.metadata.mode == 0o755)
        }
        #expect(
            try image.text("/etc/piforge/nodes")
                == "p1 172.19.181.1 test-p1\np2 172.19.181.2 test-p2\n")
        #expect(try image.text("/etc/ssh/piforge/known_hosts")?.split(separator: "\n").count == 2)
        let secrets = plan.edits.filter(\.isSecret).map(\.target.path.description).filter { !$0.contains("shadow") }
        #expect(secrets == ["/etc/piforge/swarm/secrets/cf_token", "/etc/ssh/piforge/ssh_host_ed25519"])
        // Each file names the key that asked for it.
        for edit in plan.edits where edit.target.path.description.contains("piforge") {
            let keys = ["swarm", "docker", "nodes_on", "a host key"]
            #expect(keys.contains { edit.reason.hasPrefix($0) }, "\(edit.target): \(edit.reason)")
        }
        #expect(try image.plan(.cnat, settings).changes(boot: image.boot, root: image.root) == [])
    }

    @Test(arguments: PlannerFixture.Release.allCases) func aNodeJoins(release: PlannerFixture.Release) throws {
        let image = try image(release)
        let settings = try settings(.node(2))
        try image.build(.node(2), settings)
        #expect(
            try image.text("/etc/piforge/swarm/swarm.conf")
                == "CLUSTER=test\nSLOT=p2\nADDRESS=172.19.181.2\nMANAGER=172.19.181.254\nMANAGER_ALIAS=test-cnat\n")
        #expect(try image.text("/etc/ssh/piforge/known_hosts")?.hasPrefix("test-cnat ssh-ed25519 ") == true)
        let key = try #require(try image.text("/etc/ssh/piforge/authorized_keys"))
        #expect(
            key.hasPrefix(
                "restrict,from=\"172.19.181.254\",command=\"/usr/local/lib/piforge/node-power-off\" ssh-ed25519 "))
        #expect(try image.node("/etc/piforge/swarm/secrets") == nil)
        #expect(try image.node("/etc/piforge/swarm/stacks") == nil)
        #expect(try image.linkText("/etc/systemd/system/timers.target.wants/piforge-swarm.timer") != nil)
        #expect(try image.plan(.node(2), settings).changes(boot: image.boot, root: image.root) == [])
    }

    @Test func withoutIdentityTheNodesAreOnlyTurnedOn() throws {
        let body = "slots:\n  cnat: {nodes_on: true}\n  p1: {}\n"
        let image = try PlannerFixture(.bookworm)
        try image.build(.cnat, try settings(.cnat, body))
        #expect(try image.text("/etc/piforge/nodes") == "p1 - -\n")
        #expect(try image.node("/etc/ssh/piforge/known_hosts") == nil)
        let node = try PlannerFixture(.bookworm)
        try node.build(.node(1), try settings(.node(1), body))
        #expect(try node.node("/usr/local/lib/piforge/node-power-off") == nil)
    }

    @Test func aBridgedSwarm() throws {
        let body = """
            identity: test.secret
            swarm: {pool: 172.30.0.0/16}
            defaults: {docker: {}}
            slots:
              cbridge: {network: {address: 192.168.1.20/24, gateway: 192.168.1.1}}
              p1: {address: 192.168.1.21}

            """
        let controller = try image(.bullseye)
        try controller.build(.cbridge, try settings(.cbridge, body))
        let conf = try #require(try controller.text("/etc/piforge/swarm/swarm.conf"))
        #expect(conf == "CLUSTER=test\nSLOT=cbridge\nADDRESS=192.168.1.20\nPOOL=172.30.0.0/16\n")
        #expect(try controller.text("/etc/ssh/piforge/authorized_keys")?.contains("from=\"192.168.1.21\"") == true)
        #expect(try controller.text("/etc/docker/daemon.json")?.contains("172.29.0.0/16") == true)
        let node = try image()
        try node.build(.node(1), try settings(.node(1), body))
        #expect(try node.text("/etc/piforge/swarm/swarm.conf")?.contains("MANAGER=192.168.1.20\n") == true)
    }

    @Test func onlyMembersAreTold() throws {
        let body = Self.body.split(separator: "\n").joined(separator: "\n").replacing(
            "swarm: {", with: "swarm: {members: [cnat, p1], ")
        #expect(try settings(.node(2), body + "\n").swarm == nil)
        guard case .manager(let manager)? = try settings(.cnat, body + "\n").swarm else {
            Issue.record("no manager")
            return
        }
        #expect(manager.guests.map(\.address) == ["172.19.181.1"])
    }

    @Test func withoutTheSecretTheRestIsJudged() throws {
        let image = try image()
        try image.build(.cnat, try settings(.cnat))
        var files = Self.files
        files.files["test.secret"] = nil
        let profile = try Fixture.load(Self.body, files: files)
        let judged = try profile.settings(for: [.cnat], needsSecret: false)[0].settings
        #expect(judged.identity == .withheld)
        #expect(try image.plan(.cnat, judged).changes(boot: image.boot, root: image.root) == [])
        try image.write("ADDRESS=1.2.3.4\n", "/etc/piforge/swarm/swarm.conf")
        #expect(try image.plan(.cnat, judged).changes(boot: image.boot, root: image.root).count == 1)
    }

    // MARK: Problems

    @Test(arguments: [
        ("slots: {p1: {}}", "a swarm needs one controller among its members, which makes it"),
        ("slots: {cnat: {}, cbridge: {hostname: b}}", "a swarm needs one controller"),
        ("slots: {cnat: {docker: false}, p1: {}}", "a swarm needs `docker` on cnat"),
        ("swarm: {members: [cnat, p7]}\nslots: {cnat: {}}", "`swarm.members` names p7, which `slots` does not list"),
        ("slots: {cbridge: {}, p1: {address: 10.0.0.2}}", "nothing says at which address nodes find cbridge"),
        ("swarm: {advertise: 10.0.0.1}\nslots: {cbridge: {}, p1: {}}", "from known addresses alone, and p1 have none"),
        ("swarm: {pool: 10.0.0.0/30}\nslots: {cnat: {}}", "is no network with a prefix from 8 to 23"),
        ("swarm: {pool: 172.19.0.0/16}\nslots: {cnat: {}}", "overlaps"),
        ("swarm: {secrets: {a: none}}\nslots: {cnat: {}}", "could not read here/none"),
        ("swarm: {secrets: {a: empty}}\nslots: {cnat: {}}", "the secret `a` has 0 bytes"),
        ("swarm: {stacks: {Web: web.yaml}}\nslots: {cnat: {}}", "\"Web\" is no name of a stack"),
    ])
    func profile(body: String, problem: String) {
        var text = "identity: test.secret\ndefaults: {docker: {}}\n"
        if !body.hasPrefix("swarm") { text += "swarm: {}\n" }
        var files = Self.files
        files.files["empty"] = ""
        let problems = Fixture.problems(Fixture.text(text + body + "\n"), files: files)
        #expect(problems.contains { $0.contains(problem) }, "\(problems)")
    }

    @Test func withoutIdentity() {
        let problems = Fixture.problems(
            Fixture.text("swarm: true\ndefaults: {docker: {}}\nslots: {cnat: {}, p1: {}}\n"))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("a swarm needs `identity`: the host keys of cnat, p1 are not known") == true)
    }

    @Test func liveRestoreAndASwarm() throws {
        let body = Self.body.replacing("docker: {}", with: "docker: {daemon: {live-restore: true}}")
        let image = try image()
        #expect(throws: PlanError.self) { try image.plan(.cnat, try settings(.cnat, body)) }
    }
}
