import TestSupport
import Testing
import Trees

@testable import Plans

/// Exactly what is planned for each release, starting point and slot, as files beside the tests.
///
/// `PIFORGE_RECORD=1` writes the files anew.
struct GoldenPlanTests {
    private struct Example {
        let kind: PlannerFixture.Kind
        let slot: Slot
        var settings = Settings()
        var medium = Planner.Medium.card
        var name: String {
            "\(kind.rawValue) to \(slot)\(settings == Settings() ? "" : ", everything set")"
                + (kind == .stock && medium == .netboot ? ", over the network" : "")
        }
    }

    private static let examples: [Example] = [
        .init(kind: .cbridge, slot: .cbridge), .init(kind: .cbridge, slot: .cnat), .init(kind: .cnat, slot: .node(3)),
        .init(kind: .p2, slot: .cnat), .init(kind: .p2, slot: .node(252)), .init(kind: .bootedP2, slot: .cbridge),
        .init(kind: .bootedCNAT, slot: .node(10)), .init(kind: .cbridge, slot: .node(3), settings: .everything),
        .init(kind: .bootedP2, slot: .cnat, settings: .everything),
    ]

    private static let netbootExamples: [Example] = [
        .init(kind: .cbridge, slot: .node(3), medium: .netboot), .init(kind: .p2, slot: .node(252), medium: .netboot),
        .init(kind: .bootedCNAT, slot: .node(1), medium: .netboot),
        .init(kind: .bootedP2, slot: .node(2), medium: .netboot),
        .init(kind: .cnat, slot: .node(3), settings: .everything, medium: .netboot),
    ]

    @Test(arguments: PlannerFixture.Release.allCases + [.trixie]) func plans(release: PlannerFixture.Release) throws {
        try compare(Self.examples, release, folder: "Plans")
    }

    @Test(arguments: PlannerFixture.Release.allCases + [.trixie]) func netbootPlans(release: PlannerFixture.Release)
        throws
    {
        try compare(Self.netbootExamples, release, folder: "Netboot")
    }

    private static let stockExamples: [Example] = [
        .init(kind: .stock, slot: .node(3)), .init(kind: .stock, slot: .anyPlain),
        .init(kind: .stock, slot: .plain("nas")), .init(kind: .stock, slot: .node(252), settings: .everything),
        .init(kind: .stock, slot: .plain("nas"), settings: .everything), .init(kind: .stock, slot: .cnat),
        .init(kind: .stock, slot: .cnat, settings: .everything),
        .init(kind: .stock, slot: .node(3), medium: .netboot),
        .init(kind: .stock, slot: .node(3), settings: .everything, medium: .netboot),
    ]

    @Test(arguments: [PlannerFixture.Release.bookworm, .trixie]) func stockPlans(
        release: PlannerFixture.Release
    ) throws {
        try compare(Self.stockExamples, release, folder: "Stock")
    }

    private func compare(_ examples: [Example], _ release: PlannerFixture.Release, folder: String) throws {
        var text = ""
        for example in examples {
            let image = try PlannerFixture(release, example.kind)
            let plan = try image.plan(example.slot, example.settings, medium: example.medium)
            text += "=== \(example.name)\n"
            for warning in plan.warnings { text += "warning: \(warning)\n" }
            let changes = try plan.changes(boot: image.boot, root: image.root)
            for edit in plan.edits {
                let change = changes.first { $0.edit == edit }
                text += Self.describe(edit, change)
            }
        }
        try GoldenFile.expect(text, in: "\(Repository.path)/Tests/Golden/\(folder)/\(release.rawValue).txt")
    }

    /// One line for the edit, and of a changed text the lines that come and go.
    private static func describe(_ edit: Edit, _ change: Change?) -> String {
        guard let change else { return "    \(edit.target): \(edit.reason)\n" }
        let sign = change.old == nil ? "+" : change.wanted == nil ? "-" : "~"
        var text = "  \(sign) \(edit.target): \(edit.reason)\(edit.isSecret ? " (secret)" : "")\n"
        let old = lines(change.old)
        let new = lines(change.wanted)
        if let metadata = change.wanted?.metadata, metadata.mode != change.old?.metadata.mode {
            text += "        mode \(String(metadata.mode, radix: 8)) owner \(metadata.owner):\(metadata.group)\n"
        }
        for difference in new.difference(from: old) {
            switch difference {
            case .insert(_, let line, _): text += "        + \(line)\n"
            case .remove(_, let line, _): text += "        - \(line)\n"
            }
        }
        return text
    }

    private static func lines(_ node: FileNode?) -> [String] {
        switch node?.content {
        case .file(let bytes)?:
            String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map {
                String($0)
            }
        case .symlink(let text)?: ["-> \(text)"]
        default: []
        }
    }
}
