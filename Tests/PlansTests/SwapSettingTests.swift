import TestSupport
import Testing
import Trees

@testable import Plans

/// Swap in each release's own way.
struct SwapSettingTests {
    private static let link = "/etc/systemd/system/multi-user.target.wants/dphys-swapfile.service"
    private static let dropIn = "/etc/rpi/swap.conf.d/80-piforge.conf"

    /// An image with dphys-swapfile as Raspberry Pi OS brings it.
    private func image(_ release: PlannerFixture.Release, _ variables: String) throws -> PlannerFixture {
        let image = try PlannerFixture(release)
        let unit = "/lib/systemd/system/dphys-swapfile.service"
        try image.write(variables, "/etc/dphys-swapfile")
        try image.write("[Service]\nType=oneshot\n[Install]\nWantedBy=multi-user.target\n", unit)
        try image.link(unit, Self.link)
        return image
    }

    private func settings(_ swap: Int) -> Settings {
        var settings = Settings()
        settings.swap = swap
        return settings
    }

    /// The variables as dphys-swapfile gets them: a shell reads the file.
    private func sourced(_ image: PlannerFixture) throws -> [String] {
        let text = try #require(try image.text("/etc/dphys-swapfile"))
        let script = "CONF_MAXSWAP=2048\n\(text)\necho \"$CONF_SWAPSIZE $CONF_MAXSWAP\""
        return try Shell.run("sh", ["-c", script]).output.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    @Test(arguments: PlannerFixture.Release.allCases) func aFile(release: PlannerFixture.Release) throws {
        let image = try image(release, "#CONF_SWAPFILE=/var/swap\nCONF_SWAPSIZE=100\n#CONF_MAXSWAP=2048\n")
        let plan = try image.build(.node(3), settings(256))
        #expect(plan.edits.first { $0.target == .root("/etc/dphys-swapfile") }?.reason == "swap of 256 MiB")
        #expect(try sourced(image) == ["256", "2048"])
        #expect(try image.linkText(Self.link) != nil)
        #expect(try image.plan(.node(3), settings(256)).changes(boot: image.boot, root: image.root).isEmpty)
    }

    @Test(arguments: PlannerFixture.Release.allCases) func none(release: PlannerFixture.Release) throws {
        let image = try image(release, "CONF_SWAPSIZE=100\n")
        try image.build(.node(3), settings(0))
        #expect(try sourced(image).first == "0")
        #expect(try image.linkText(Self.link) == nil)
        try image.build(.node(3), settings(64))
        #expect(try sourced(image).first == "64")
        #expect(try image.linkText(Self.link) == "/lib/systemd/system/dphys-swapfile.service")
    }

    @Test(arguments: [
        ("", 2048, "2048"), ("", 4096, "4096"), ("CONF_MAXSWAP=200\n", 256, "256"), ("CONF_MAXSWAP=\n", 4096, nil),
    ]) func theLimitFollows(variables: String, size: Int, limit: String?) throws {
        let image = try image(.bookworm, variables)
        try image.build(.node(3), settings(size))
        #expect(try sourced(image) == [String(size), limit].compactMap { $0 })
        #expect(try image.plan(.node(3), settings(size)).changes(boot: image.boot, root: image.root).isEmpty)
    }

    @Test(arguments: [
        (256, Planner.Medium.card, "[Main]\nMechanism=swapfile\n\n[File]\nFixedSizeMiB=256\n"),
        (256, .netboot, "[Main]\nMechanism=zram\n\n[Zram]\nFixedSizeMiB=256\n"), (0, .card, "[Main]\nMechanism=none\n"),
        (0, .netboot, "[Main]\nMechanism=none\n"),
    ]) func rpiSwap(size: Int, medium: Planner.Medium, text: String) throws {
        let image = try PlannerFixture(.bookworm)
        try image.write("[Main]\n#Mechanism=auto\n", "/etc/rpi/swap.conf")
        try image.build(.node(3), settings(size), medium: medium)
        #expect(try image.text(Self.dropIn) == text)
        #expect(
            try image.plan(.node(3), settings(size), medium: medium).changes(boot: image.boot, root: image.root).isEmpty
        )
    }

    @Test func anImageWithoutEitherIsRefused() throws {
        let image = try PlannerFixture(.bookworm)
        let error = #expect(throws: PlanError.self) { try image.plan(.node(3), settings(256)) }
        #expect(
            error?.message
                == "could not set up swap: the image has no /etc/dphys-swapfile or /etc/rpi/swap.conf")
    }

    @Test func aRootOverTheNetworkHoldsNoSwapFile() throws {
        let image = try image(.bullseye, "CONF_SWAPSIZE=100\n")
        #expect(throws: PlanError.contradiction("the root over the network", "swap: 256")) {
            try image.plan(.node(3), settings(256), medium: .netboot)
        }
        try image.build(.node(3), settings(0), medium: .netboot)
        #expect(try image.linkText(Self.link) == nil)
    }

    @Test func aUnitThatTheProfileTurnsOffContradicts() throws {
        let image = try image(.bookworm, "")
        var settings = settings(256)
        settings.units.disable = ["dphys-swapfile.service"]
        let error = #expect(throws: PlanError.self) { try image.plan(.node(3), settings) }
        guard case .conflict? = error else {
            Issue.record("not a conflict: \(String(describing: error))")
            return
        }
    }

    @Test func aProfileSaysIt() throws {
        let profile = try Fixture.load("defaults: {swap: 256}\nslots: {p1: {}, p2: {swap: 0}}")
        #expect(try profile.settings(for: [.node(1), .node(2)]).map(\.settings.swap) == [256, 0])
        #expect(
            Fixture.problems(Fixture.text("slots: {p1: {swap: 5000}}"))
                == ["3:20: `swap` takes a whole number from 0 to 4096, not 5000"])
    }
}
