import Inspect
import Plans
import Testing
import Trees

@testable import Forge

/// A setting that works on a good base, and what keeps it from working on another one.
struct EffectCase: Sendable, CustomTestStringConvertible {
    var name: String
    var id: FindingID
    var releases: [ImageFacts.Release]
    /// A part of what is said: the place and the line that win.
    var what: String
    var settings: @Sendable (inout Settings) -> Void
    var defeat: @Sendable (inout InspectionFixture) -> Void
    /// What the profile itself says to its own harm.
    var change: @Sendable (inout Settings) -> Void

    init(
        _ name: String, _ id: FindingID, on releases: [ImageFacts.Release] = ImageFacts.Release.allCases,
        saying what: String, with settings: @escaping @Sendable (inout Settings) -> Void,
        defeat: @escaping @Sendable (inout InspectionFixture) -> Void = { _ in },
        change: @escaping @Sendable (inout Settings) -> Void = { _ in }
    ) {
        self.name = name
        self.id = id
        self.releases = releases
        self.what = what
        self.settings = settings
        self.change = change
        self.defeat = defeat
    }

    var testDescription: String { name }
}

struct EffectTests {
    static let all =
        loginCases + passwordCases + serverCases + bootCases + systemCases + wifiCases + machineCases
        + firstBootCases + clusterCases

    @Test(arguments: all, ImageFacts.Release.allCases)
    func judgesBothWays(example: EffectCase, release: ImageFacts.Release) throws {
        guard example.releases.contains(release) else { return }
        var settings = Settings()
        example.settings(&settings)
        var fixture = EffectFixture(release)
        let good = try fixture.judge(settings).findings
        #expect(good.filter { $0.severity == .error } == [])
        #expect(!good.contains { $0.id == example.id })
        example.defeat(&fixture.image)
        example.change(&settings)
        let bad = try fixture.judge(settings).findings.filter { $0.id == example.id }
        #expect(bad.count == 1, "\(bad)")
        #expect(bad.first?.what.contains(example.what) == true, "\(bad.first?.what ?? "nothing")")
        #expect(bad.first?.severity == (example.id.refusesBuild ? .error : .warning))
    }

    /// Each finding that refuses a build has a case, save those that only damage brings about.
    @Test func everyRefusalIsTried() {
        let elsewhere: Set<FindingID> = [
            .sshNotInstalled, .noBootableBoard, .usbMode, .initProgram, .mountMismatch, .rootElsewhere, .roleDefaults,
            .roleAddress, .roleNetwork, .roleUnitMissing, .roleForwarding, .configTooLong, .kernelArgumentStays,
            .userUnknown, .kernelLineMissing, .dockerCutsBridge,
        ]
        let tried = Set(Self.all.map { $0.id }).union(elsewhere)
        #expect(FindingID.allCases.filter { $0.refusesBuild && !tried.contains($0) } == [])
    }

    @Test(arguments: ImageFacts.Release.allCases) func aPlainSlotHasNothingToSay(release: ImageFacts.Release) throws {
        let (findings, warnings) = try EffectFixture(release).judge(Settings())
        #expect(findings.map { $0.what } == [])
        #expect(warnings == [])
    }

    @Test("a file of the kernel line that the profile names and nobody brings is an error with a way on")
    func aKernelLineThatIsNotThere() throws {
        var settings = Settings()
        settings.config = [.init(name: "all", entries: [.init(key: "cmdline", value: "mine.txt")])]
        let error = #expect(throws: PlanError.self) { try EffectFixture(.bookworm).judge(settings) }
        #expect(
            error?.message
                == "could not give the kernel its arguments: the firmware reads them from boot:/mine.txt "
                + "(boot:/config.txt:6: cmdline=mine.txt), which is not there")
        #expect(error?.hint == "remove that line from the base, or put boot:/mine.txt there")
    }
}
