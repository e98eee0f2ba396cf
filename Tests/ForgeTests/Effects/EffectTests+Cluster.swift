import Identity
import Inspect
import Testing
import Trees

@testable import Forge
@testable import Plans

/// Docker, the swarm, and the controller's power over its nodes.
extension EffectTests {
    private static func key(_ slot: String) -> (host: HostKey, id: MachineID)? {
        guard
            let secret = try? IdentitySecret(
                fileText: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"),
            let identity = try? SlotIdentity(secret, cluster: "sg1", slot: slot, generation: 1)
        else { return nil }
        return (identity.hostKey, identity.machineID)
    }

    private static let docker: @Sendable (inout Settings) -> Void = { $0.docker = .init() }

    private static let power: @Sendable (inout Settings) -> Void = { settings in
        guard let own = key("p3"), let controller = key("cnat") else { return }
        settings.ssh = true
        settings.identity = .known(own.host, own.id)
        settings.power = .node(
            ClusterGuest(publicKey: controller.host.publicKey, address: "172.19.181.254", command: "/bin/true"))
    }

    private static let swarm: @Sendable (inout Settings) -> Void = { settings in
        guard let own = key("cnat"), let node = key("p1") else { return }
        settings.ssh = true
        settings.docker = .init()
        settings.identity = .known(own.host, own.id)
        let guest = ClusterGuest(publicKey: node.host.publicKey, address: "172.19.181.1", command: "/bin/true")
        settings.swarm = .manager(
            .init(cluster: "sg1", address: "172.19.181.254", pool: "10.181.0.0/16", guests: [guest]))
    }

    static let clusterCases = [
        EffectCase("a masked engine", .dockerNotStarted, saying: "systemd.mask=docker.service", with: docker) {
            _ in
        } change: {
            $0.kernelArguments.set = ["systemd.mask=docker.service"]
        },
        EffectCase(
            "an option that the file has, too", .dockerRefusesConfiguration,
            saying: "both /etc/docker/daemon.json and /usr/lib/systemd/system/docker.service:2 say `log-driver`",
            with: docker
        ) {
            $0.file(
                "/usr/lib/systemd/system/docker.service",
                "[Service]\nExecStart=/usr/sbin/dockerd --log-driver=journald\n[Install]\nWantedBy=multi-user.target\n")
        },
        EffectCase(
            "an option of /etc/default", .dockerRefusesConfiguration, saying: "/etc/default/docker:1", with: docker
        ) {
            $0.file("/etc/default/docker", "DOCKER_OPTS=\"--label a=b\"\n")
            $0.file(
                "/usr/lib/systemd/system/docker.service",
                "[Service]\nExecStart=/usr/sbin/dockerd $DOCKER_OPTS\n[Install]\nWantedBy=multi-user.target\n")
        },
        EffectCase("root is denied", .clusterDoorShut, saying: "denyusers root", with: power) {
            $0.file("/etc/ssh/sshd_config", $0.text("/etc/ssh/sshd_config") + "DenyUsers root\n")
        },
        EffectCase("others are allowed", .clusterDoorShut, saying: "allowusers pi", with: swarm) {
            $0.file("/etc/ssh/sshd_config", $0.text("/etc/ssh/sshd_config") + "AllowUsers pi\n")
        },
        EffectCase(
            "an earlier block", .clusterDoorShut, on: [.bullseye, .bookworm],
            saying: "/etc/ssh/sshd_config.d/00-own.conf:2",
            with: swarm
        ) {
            $0.file("/etc/ssh/sshd_config.d/00-own.conf", "Match User root\nPermitRootLogin no\n")
        },
        EffectCase("a server that nothing starts", .clusterDoorShut, saying: "nothing starts its server", with: swarm) {
            _ in
        } change: {
            $0.ssh = nil
        },
    ]

    /// What root may do is to run a command, from the machines of the cluster; for all others nothing changes.
    @Test(arguments: ImageFacts.Release.allCases) func rootGetsNoShell(release: ImageFacts.Release) throws {
        var settings = Settings()
        Self.swarm(&settings)
        let fixture = EffectFixture(release)
        let (boot, root, _) = try fixture.built(settings)
        let facts = try ImageFacts.read(boot: boot, root: root, for: settings)
        func login(from address: String?) -> String {
            facts.serverConfiguration.options(for: .init(user: "root", groups: ["root"], address: address)).rootLogin
        }
        #expect(login(from: "172.19.181.1") == "forced-commands-only")
        #expect(login(from: "172.19.181.2") == "prohibit-password")
        let keys = String(decoding: try root.fileBytes(at: "/etc/ssh/piforge/authorized_keys") ?? [], as: UTF8.self)
        let lines = keys.split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.hasPrefix("restrict,from=\"172.19.181.1\",command=\"") })
    }

    @Test func forwardingThatIsTurnedOffAgain() throws {
        var settings = Settings()
        settings.docker = .init()
        var fixture = EffectFixture(.bookworm)
        fixture.image.file("/usr/share/clusterctrl/interfaces.bookworm.cbridge", "auto br0\niface br0 inet dhcp\n")
        fixture.image.file(
            "/usr/lib/systemd/system/clusterctrl-init.service", "[Install]\nWantedBy=multi-user.target\n")
        #expect(try !fixture.judge(settings, as: .cbridge).findings.contains { $0.id == .dockerCutsBridge })
        fixture.image.file("/etc/sysctl.d/95-own.conf", "net.ipv4.ip_forward = 0\n")
        let bad = try fixture.judge(settings, as: .cbridge).findings.filter { $0.id == .dockerCutsBridge }
        #expect(bad.map(\.what).first?.contains("/etc/sysctl.d/95-own.conf:1 turns forwarding off") == true)
    }
}
