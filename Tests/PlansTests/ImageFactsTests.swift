import Testing
import Trees

@testable import Plans

struct ImageFactsTests {
    @Test(arguments: PlannerFixture.Release.allCases) func whatAnImageIs(release: PlannerFixture.Release) throws {
        let facts = try PlannerFixture(release, .cnat).facts()
        #expect(facts.codename == release.codename)
        #expect(facts.release?.rawValue == release.codename)
        #expect(
            facts.versionID == ["buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13"][release.codename])
        #expect(facts.bootMount.description == release.bootMount)
        #expect(facts.missingTools == [])
        #expect(facts.state == .pending("cnat"))
        #expect(facts.slot == nil)
        #expect(facts.hostname == "cbridge")
        #expect(facts.firstUser == .init(name: "pi", id: 1000, group: 1000, home: "/home/pi"))
        #expect(facts.isUserWizardPending == release.hasUserconf)
        #expect(!facts.wasBooted && !facts.isNetbootTree && !facts.isConvertedBefore)
        #expect(facts.hasCloudInit == (release == .trixie))
        #expect(facts.kind == .clusterCTRL)
    }

    @Test func states() throws {
        #expect(try PlannerFixture(.bookworm, .p2).facts().state == .pending("p2"))
        #expect(try PlannerFixture(.bookworm, .bootedP2).facts().state == .converted(.node(2)))
        #expect(try PlannerFixture(.bookworm, .bootedCNAT).facts().state == .converted(.cnat))
        let image = try PlannerFixture(.bookworm)
        try image.write("init=/sbin/reconfig-clusterctrl c\n", "boot:/cmdline.txt")
        #expect(try image.facts().state == .pending("cbridge"))
        try image.write("a\n", "boot:/cmdline.txt")
        #expect(try image.facts().state == .plain)
        try image.write("type=\"node\"\nid=300\n", "/etc/default/clusterctrl")
        #expect(try image.facts().state == .plain)
    }

    @Test(
        arguments: [
            (1, 0x28, 0x05, 0x00, ImageFacts.Architecture.armel), (1, 0x28, 0x05, 0x04, .armhf),
            (2, 0xB7, 0, 0, .arm64),
            (2, 0x3E, 0, 0, nil),
        ] as [(UInt8, UInt8, UInt8, UInt8, ImageFacts.Architecture?)])
    func architectures(bits: UInt8, machine: UInt8, flags: UInt8, moreFlags: UInt8, wanted: ImageFacts.Architecture?)
        throws
    {
        var header = [UInt8](repeating: 0, count: 64)
        header.replaceSubrange(0..<5, with: [0x7F, 0x45, 0x4C, 0x46, bits])
        header[18] = machine
        (header[36], header[37]) = (flags, moreFlags)
        let image = try PlannerFixture(.bookworm)
        try image.write(header, "/usr/bin/true", mode: 0o755)
        #expect(try image.facts().architecture == wanted)
        try image.write(Array(header.prefix(51)), "/usr/bin/true", mode: 0o755)
        #expect(try image.facts().architecture == nil)
    }

    @Test func theBootFolderIsFoundWithoutFstab() throws {
        let image = try PlannerFixture(.bookworm)
        try image.remove("/etc/fstab")
        #expect(try image.facts().bootMount == "/boot/firmware")
        let old = try PlannerFixture(.buster)
        try old.write("#PARTUUID=x-01 /boot/firmware vfat defaults 0 2\n", "/etc/fstab")
        #expect(try old.facts().bootMount == "/boot")
    }

    @Test func circlesOfLinksAreNoCrash() throws {
        let image = try PlannerFixture(.bookworm)
        try image.remove("/etc/timezone")
        try image.link("timezone", "/etc/timezone")
        var settings = Settings()
        settings.timeZone = "Europe/Zurich"
        let found = try image.facts(settings).found(.root, "/etc/timezone")
        #expect(found?.kind == nil && found?.own?.kind == .symlink)
    }

    @Test func damagedAccountsAreSkipped() throws {
        let image = try PlannerFixture(.bookworm)
        try image.write("x\npi:x:99999999999:1:::\na:x:5:5::../evil:/bin/sh\nb:x:6:6::/b:/bin/sh\n", "/etc/passwd")
        #expect(try image.facts().users.map(\.name) == ["b"])
    }

    @Test func templatesOfUnits() {
        #expect(ImageFacts.unitTemplate("a@b.service") == "a@.service")
        #expect(ImageFacts.unitTemplate("a@.service") == nil)
        #expect(ImageFacts.unitTemplate("a.service") == nil)
        #expect(ImageFacts.link(of: "../x", in: "y.wants") == nil)
    }
}
