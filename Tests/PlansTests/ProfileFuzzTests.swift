import Plans
import Testing
import TestSupport

/// Random damage to profiles that are right: a profile or errors with places, and never a crash.
struct ProfileFuzzTests {
    @Test("damaged profiles are decoded or refused with a place", .mustEnd, arguments: [1, 2, 3, 4])
    func damage(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rich = Fixture.text(
            """
            base: {image: a.img, sha256: \(String(repeating: "0", count: 64))}
            defaults: &d
              ssh: true
              authorized_keys: [\(Fixture.ed25519) a]
              wifi: {ssid: Home, psk: "correct horse", country: NO}
              config: {pi0: {dtoverlay: [a, b]}, arm_boost: null}
              files:
                - {content: "x\\n", target: /a/b, mode: "0644"}
              hosts: {"10.0.0.1": [nas]}
            slots:
              p1: &one {hostname: one}
              p2: {<<: *one, hostname: two}
              p3:
            """)
        let sources = [rich, ProfileTemplate.text, try Fixture.file("profiles/cnat.yaml")].map { Array($0.utf8) }
        let snippets = [
            "*one", "&x ", "<<: ", "[", "}", "\t", "\"", "!!int ", "? ", ": ", "- ", "\u{0}", "p1:", "~", "|\n", "%",
            "é", "---\n",
        ]
        for _ in 0..<120 {
            var bytes = sources.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<max(bytes.count, 1), using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1:
                    let end = min(bytes.count, place + Int.random(in: 0...40, using: &random))
                    bytes.removeSubrange(place..<end)
                case 2:
                    let end = min(bytes.count, place + Int.random(in: 0...80, using: &random))
                    bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
                case 3: bytes.removeLast(bytes.count - place)
                default:
                    bytes.insert(contentsOf: Array((snippets.randomElement(using: &random) ?? "").utf8), at: place)
                }
            }
            do {
                let profile = try Profile.load(bytes, name: "f.yaml", files: NoProfileFiles())
                for slot in profile.slots {
                    _ = try profile.settings(for: slot)
                    #expect(!profile.origins(for: slot).isEmpty)
                }
            } catch {
                #expect(!error.problems.isEmpty)
                #expect(error.problems.allSatisfy { $0.file == "f.yaml" && $0.line >= 1 && $0.column >= 1 })
            }
        }
    }
}
