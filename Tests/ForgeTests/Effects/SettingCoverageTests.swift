import Foundation
import Inspect
import TestSupport
import Testing

@testable import Forge
@testable import Plans

/// That the judge of effects leaves no setting out.
struct SettingCoverageTests {
    /// The rows of docs/effect.md by the keys that their first cell names, with what defeats each.
    private func rows() throws -> [String: [String]] {
        let text = try String(contentsOfFile: Repository.path + "/docs/effect.md", encoding: .utf8)
        var rows: [String: [String]] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 6 else { continue }
            for part in cells[1].split(separator: ",") {
                let key = part.trimmingCharacters(in: .init(charactersIn: " `")).split(separator: ":").first ?? ""
                rows[String(key), default: []].append(cells[4])
            }
        }
        return rows
    }

    /// The settings that a case of `EffectTests` defeats.
    private static let tried: Set<String> = {
        func isSet<S: Setting>(_ setting: S.Type, in settings: Settings) -> Bool { settings[setting] != S.unset }
        var names: Set<String> = []
        for example in EffectTests.all {
            var settings = Settings()
            example.settings(&settings)
            for setting in Settings.table where isSet(setting, in: settings) { names.insert(setting.name) }
        }
        return names
    }()

    @Test("every setting is in docs/effect.md, and where something defeats it there is a test of that")
    func everySetting() throws {
        let rows = try rows()
        for setting in Settings.table {
            guard let defeats = rows[setting.name] else {
                Issue.record("docs/effect.md has no row of `\(setting.name)`")
                continue
            }
            let isDefeated = defeats.contains { !$0.isEmpty }
            // What follows from them is told to the slot as a setting of another name.
            let follows = ["peers": "hosts", "host_key_file": "identity"]
            let name = follows[setting.name] ?? setting.name
            #expect(isDefeated == Self.tried.contains(name), "`\(setting.name)`: \(defeats)")
        }
    }
}
