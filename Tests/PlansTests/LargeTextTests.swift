import TestSupport
import Testing

@testable import Plans

/// Files of an image that are as long as they may be: work grows as the text does, not as its square.
@Suite(.mustEnd)
struct LargeTextTests {
    private static let count = 100_000

    private static func text(_ line: String) -> String { String(repeating: line, count: count) }

    @Test("each of very many lines is changed")
    func manyLines() throws {
        let firmware = try TextRule.turnFullFirmwareOff([.zero]).applied(to: Self.text("start_file=start_x.elf\n"))
        #expect(firmware == Self.text("#start_file=start_x.elf\nstart_x=0\n"))
        let overlays = try TextRule.setUSBMode(.peripheral).applied(to: Self.text("dtoverlay=dwc2\n"))
        #expect(overlays == Self.text("dtoverlay=dwc2,dr_mode=peripheral\n"))
    }

    @Test(
        "very many lines that say the same become one",
        arguments: [
            (.setServerOption("UsePAM", "yes"), "UsePAM no\n", "UsePAM yes\n"),
            (.setVariable("A", "1"), "A=2\n", "A=1\n"),
            (.setHostNames(address: "127.0.1.1", names: ["p1"]), "127.0.1.1 a\n", "127.0.1.1\tp1\n"),
            (.setKernelArgument("quiet"), "quiet ", "quiet\n"),
            (.removeKernelListItem("serial0", key: "console"), "console=serial0 ", "\n"),
            (.removeReconfigInit, "init=/reconfig-clusterctrl p1 ", "\n"),
            (.setConfigKey(section: "all", key: "a", value: "1", overriding: true), "[pi4]\na=2\n[all]\na=3\n", nil),
        ] as [(TextRule, String, String?)])
    func equalLines(rule: TextRule, line: String, wanted: String?) throws {
        let once = try rule.applied(to: Self.text(line))
        if let wanted { #expect(once == wanted) }
        #expect(try rule.applied(to: once) == once)
    }

    @Test("lines around a block stay as they are, whatever its length", arguments: ["\n", "\r\n"])
    func blocks(end: String) throws {
        let (before, after) = ("first\(end)", String(repeating: "after\(end)", count: 20_000))
        let old = "# piforge: a\(end)old\(end)# piforge: end of a\(end)"
        let lines = (0..<20_000).map { "line \($0)" }
        let block = (["# piforge: a"] + lines + ["# piforge: end of a"]).map { $0 + end }.joined()
        for before in [before, ""] {
            let wanted = before + block + after
            #expect(try TextRule.setBlock("a", lines).applied(to: before + old + after) == wanted)
            #expect(try TextRule.setBlock("a", []).applied(to: wanted) == before + after)
        }
    }

    @Test("the name of a filter that each line is compared with has a length")
    func longFilters() {
        let config = ConfigText("[pi" + String(repeating: "4", count: 500_000) + "]\n" + Self.text("a=1\n"))
        let names = config.parsed().map { $0.filter.parts.values.map(\.utf8.count).max() ?? 0 }
        #expect(names.max() == ConfigText.columnLimit)
        #expect(config.effective(for: .pi4).isEmpty)
    }

    @Test("of included files no more than a limit is read")
    func largeIncludes() {
        let large = String(repeating: "a=1\n", count: 100_000)
        let config = ConfigText(String(repeating: "include large.txt\n", count: 200) + "a=2\n")
        #expect(config.entries(for: .zero) { _ in large }.count == 200_001)
        #expect(config.effective(for: .zero) { _ in large } == [.init(key: "a", value: "2")])
    }
}
