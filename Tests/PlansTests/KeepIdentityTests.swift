import Testing
import Trees

@testable import Plans

/// What images of a base that has run leave out.
struct KeepIdentityTests {
    private static let journal = "/var/log/journal/0123456789abcdef0123456789abcdef"
    private static let identity = [
        "/var/lib/systemd/random-seed", "/var/lib/dbus/machine-id", "/var/lib/dhcp/dhclient.usb0.leases",
        "/var/lib/dhcpcd/duid", "/var/lib/dhcpcd/secret", "/etc/dhcpcd.duid", "/var/lib/docker/swarm/docker-state.json",
        "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/ssh/ssh_host_rsa_key.old",
        "/var/log/wtmp", "/var/log/btmp.1", "/var/log/lastlog", "/var/log/auth.log", "/var/log/auth.log.2.gz",
        "/etc/hostid", "/root/.bash_history", "/var/log/syslog", "/var/log/boot.log", "\(journal)/system.journal",
        "\(journal)/user-1000.journal",
        "\(journal).netdata/system.journal",
    ]
    private static let others = [
        "/var/log/dpkg.log", "/var/log/bootstrap.log", "/var/log/apt/history.log", "/var/log/journal/notes",
        "/var/log/userland", "/etc/ssh/moduli",
    ]
    private static let maker = "regenerate_ssh_host_keys.service"
    private static let makerLink = "/etc/systemd/system/multi-user.target.wants/\(maker)"

    private func image(
        _ release: PlannerFixture.Release, _ kind: PlannerFixture.Kind = .bootedP2
    ) throws -> PlannerFixture {
        let image = try PlannerFixture(release, kind)
        for path in Self.identity + Self.others { try image.write("of one machine\n", path) }
        try image.write("[Install]\nWantedBy=multi-user.target\n", "/lib/systemd/system/\(Self.maker)")
        return image
    }

    private func present(_ paths: [String], in image: PlannerFixture) throws -> [String] {
        try paths.filter { try image.node($0) != nil }
    }

    @Test(arguments: PlannerFixture.Release.allCases, [Planner.Medium.card, .netboot])
    func anotherMachine(release: PlannerFixture.Release, medium: Planner.Medium) throws {
        let image = try image(release)
        try image.build(.node(1), medium: medium)
        #expect(try present(Self.identity, in: image) == [])
        #expect(try present(Self.others, in: image) == Self.others)
        #expect(try present([Self.journal, "\(Self.journal).netdata"], in: image) == [])
        #expect(try image.node("/var/log/journal") != nil)
        #expect(try image.text("/etc/machine-id") == (release == .trixie ? "uninitialized\n" : ""))
        #expect(try image.linkText(Self.makerLink) == "/lib/systemd/system/\(Self.maker)")
        #expect(try image.plan(.node(1), medium: medium).changes(boot: image.boot, root: image.root) == [])
    }

    @Test(arguments: PlannerFixture.Release.allCases) func theSameMachine(release: PlannerFixture.Release) throws {
        let image = try image(release)
        var settings = Settings()
        settings.keepIdentity = true
        let plan = try image.build(.node(1), settings)
        #expect(try present(Self.identity, in: image) == Self.identity)
        #expect(try image.text("/etc/machine-id") == "uuid\n")
        #expect(
            plan.warnings == [
                "the base has been booted: all slots made from it share its machine id and ssh host keys"
            ])
    }

    @Test func aFileOfAnotherKindInAJournalKeepsItsFolder() throws {
        let image = try image(.bookworm)
        try image.folder("\(Self.journal)/notes")
        try image.build(.node(1))
        #expect(try present(Self.identity, in: image) == [])
        #expect(try image.node("\(Self.journal)/notes") != nil)
    }

    @Test func aFileOfTheProfileStays() throws {
        let image = try image(.bookworm)
        var settings = Settings()
        settings.files = [
            .init(
                target: .root("/var/log/auth.log"), content: .file(Array("mine\n".utf8)), mode: 0o600, owner: 0,
                group: 0,
                isSecret: false)
        ]
        try image.build(.node(1), settings)
        #expect(try image.text("/var/log/auth.log") == "mine\n")
    }

    /// Somebody has emptied the machine id, as is often said to be enough.
    @Test func anEmptiedMachineID() throws {
        let image = try image(.bookworm)
        try image.write("", "/etc/machine-id")
        try image.build(.node(1))
        #expect(try present(Self.identity, in: image) == [])
    }

    @Test func aBaseThatNeverRan() throws {
        let image = try image(.bookworm, .cbridge)
        try image.remove("/var/lib/systemd/random-seed")
        try image.build(.node(1))
        let rest = Self.identity.filter { $0 != "/var/lib/systemd/random-seed" }
        #expect(try present(rest, in: image) == rest)
    }
}
