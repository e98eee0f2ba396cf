import TestSupport
import Testing

@testable import Plans

struct ConfigTextTests {
    private static func set(_ section: String, _ key: String, _ value: String, overriding: Bool = false) -> TextRule {
        .setConfigKey(section: section, key: key, value: value, overriding: overriding)
    }

    static let cases: [RuleCase] = [
        .init(set("all", "gpu_mem", "16"), "", "gpu_mem=16\n"),
        .init(
            set("all", "gpu_mem", "16", overriding: true), "gpu_mem=16\ninclude a.txt\n",
            "include a.txt\ngpu_mem=16\n"),
        .init(.turnFullFirmwareOff([.zero]), "start_x=1\na=1\n", "start_x=0\na=1\n"),
        .init(.turnFullFirmwareOff([.zero]), "start_debug=1", "#start_debug=1\nstart_x=0\n"),
        .init(
            .turnFullFirmwareOff([.zero]), "start_file=start_x.elf\nfixup_file=fixup_x.dat\n",
            "#start_file=start_x.elf\nstart_x=0\n#fixup_file=fixup_x.dat\n"),
        .init(.turnFullFirmwareOff([.zero]), "[pi4]\nstart_x=1\n", "[pi4]\nstart_x=1\n"),
        .init(.turnFullFirmwareOff([.zero]), "start_file=mine.elf\n", "start_file=mine.elf\n"),
        .init(set("all", "gpu_mem", "16"), "gpu_mem=64\nx=1", "gpu_mem=16\nx=1"),
        .init(set("all", "gpu_mem", "16"), "#gpu_mem=16\n", "#gpu_mem=16\ngpu_mem=16\n"),
        .init(set("all", "gpu_mem", "16"), "a=1\n[pi4]\nb=1", "a=1\n[pi4]\nb=1\n[all]\ngpu_mem=16\n"),
        .init(set("all", "gpu_mem", "16"), "[pi4]\r\nb=1\r\n", "[pi4]\r\nb=1\r\n[all]\r\ngpu_mem=16\r\n"),
        .init(set("all", "gpu_mem", "16"), "gpu_mem = 16\n", "gpu_mem = 16\n"),
        .init(set("all", "gpu_mem", "16"), "gpu_mem=8\n[pi4]\ngpu_mem=64\n", "gpu_mem=16\n[pi4]\ngpu_mem=64\n"),
        .init(
            set("all", "gpu_mem", "16", overriding: true), "gpu_mem=16\n[pi0]\ngpu_mem=64\n",
            "[pi0]\ngpu_mem=64\n[all]\ngpu_mem=16\n"),
        .init(
            set("all", "gpu_mem", "16", overriding: true), "[pi0]\ngpu_mem=64\n[all]\ngpu_mem=16\n",
            "[pi0]\ngpu_mem=64\n[all]\ngpu_mem=16\n"),
        .init(set("pi0", "gpu_mem", "16"), "a=1\n", "a=1\n[pi0]\ngpu_mem=16\n[all]\n"),
        .init(set("pi0", "gpu_mem", "16"), "[pi0]\na=1\n\n[all]\nb=1\n", "[pi0]\na=1\ngpu_mem=16\n\n[all]\nb=1\n"),
        .init(set("pi0", "gpu_mem", "16"), "[pi4]\na=1\n", "[pi4]\na=1\n[all]\n[pi0]\ngpu_mem=16\n[all]\n"),
        .init(
            set("pi0", "gpu_mem", "16"), "[EDID=X]\n[pi0]\ngpu_mem=1\n",
            "[EDID=X]\n[pi0]\ngpu_mem=1\n[all]\n[pi0]\ngpu_mem=16\n[all]\n"),
        .init(set("all", "dtoverlay", "w1-gpio"), "dtoverlay=a\n", "dtoverlay=a\ndtoverlay=w1-gpio\n"),
        .init(
            set("all", "dtoverlay", "w1-gpio"), "dtoverlay=w1-gpio\ndtoverlay=a\n", "dtoverlay=w1-gpio\ndtoverlay=a\n"),
        .init(set("all", "initramfs", "x followkernel"), "initramfs y followkernel\n", "initramfs x followkernel\n"),
        .init(.removeConfigKey(section: "all", key: "a"), "a=1\n#a=1\n[pi4]\na=2\n", "#a=1\n[pi4]\na=2\n"),
        .init(.removeConfigKey(section: nil, key: "a"), "a=1\n[pi4]\na=2\n", "[pi4]\n"),
        .init(.setUSBMode(.peripheral), "#dtoverlay=dwc2,dr_mode=peripheral\n", "dtoverlay=dwc2,dr_mode=peripheral\n"),
        .init(.setUSBMode(.host), "#dtoverlay=dwc2,dr_mode=peripheral\n", "#dtoverlay=dwc2,dr_mode=peripheral\n"),
        .init(
            .setUSBMode(.peripheral), "[cm5]\ndtoverlay=dwc2,dr_mode=host\n[all]\ndtoverlay=dwc2,dr_mode=host\n",
            "[cm5]\ndtoverlay=dwc2,dr_mode=host\n[all]\ndtoverlay=dwc2,dr_mode=peripheral\n"),
        .init(
            .setUSBMode(.host), "[cm5]\ndtoverlay=dwc2,dr_mode=peripheral\n[all]\ndtoverlay=dwc2,dr_mode=peripheral\n",
            "[cm5]\ndtoverlay=dwc2,dr_mode=host\n[all]\ndtoverlay=dwc2,dr_mode=host\n"),
        .init(
            .setUSBMode(.peripheral), "[cm5]\n#dtoverlay=dwc2\n",
            "[cm5]\n#dtoverlay=dwc2\n[all]\ndtoverlay=dwc2,dr_mode=peripheral\n"),
    ]

    @Test(arguments: cases) func table(_ example: RuleCase) throws {
        let result = try example.rule.applied(to: example.old)
        #expect(Array(result.utf8) == Array(example.new.utf8))
        #expect(try Array(example.rule.applied(to: result).utf8) == Array(result.utf8))
    }

    @Test func aLineMayHave98Characters() throws {
        let value = String(repeating: "x", count: 96)
        #expect(try Self.set("all", "k", value).applied(to: "") == "k=\(value)\n")
        #expect(throws: TextRuleError.configLineTooLong("k=\(value)x", limit: 98)) {
            try Self.set("all", "k", value + "x").applied(to: "")
        }
    }

    @Test func effectiveValuesFollowTheFilters() {
        let config = ConfigText(
            """
            gpu_mem=64
            dtoverlay=a
            [pi0]
            gpu_mem=16
            [pi02]
            gpu_mem=32
            [pi4]
            otg_mode=1 # Controller only
            [EDID=X]
            never=1
            [all]
            dtoverlay=b
            include extra.txt
            """)
        func value(_ key: String, _ board: Board, _ extra: String? = nil) -> [String] {
            config.effective(for: board) { $0 == "extra.txt" ? extra : nil }.filter { $0.key == key }.map(\.value)
        }
        #expect(value("gpu_mem", .zero) == ["16"])
        #expect(value("gpu_mem", .zero2W) == ["32"])
        #expect(value("gpu_mem", .pi4) == ["64"])
        #expect(value("gpu_mem", .zero2W, "[pi02]\ngpu_mem=8\n") == ["8"])
        #expect(value("dtoverlay", .zero) == ["a", "b"])
        #expect(value("otg_mode", .cm4) == ["1"])
        #expect(value("otg_mode", .zero) == [])
        #expect(value("never", .pi4) == [])
        #expect(config.includes == ["extra.txt"])
    }

    @Test func includesInCirclesEnd() {
        let config = ConfigText("include a\nx=1\n")
        #expect(config.effective(for: .zero) { _ in "include a\nx=2\n" }.last == .init(key: "x", value: "1"))
    }

    private static let fragments = [
        "[all]", "[pi0]", "[pi4]", "[cm5]", "[EDID=x]", "[none]", "gpu_mem=64", "gpu_mem=16", "#gpu_mem=16",
        "dtoverlay=dwc2", "#dtoverlay=dwc2,dr_mode=host", "dtoverlay=x", "a=1", "include y", "initramfs z", "=", "[",
        "otg_mode=1 # Controller only",
    ]
    private static let rules: [TextRule] = [
        .removeConfigKey(section: nil, key: "gpu_mem_256"), .setUSBMode(.peripheral),
        .removeConfigKey(section: "all", key: "a"),
        .setActive("otg_mode=1 # Controller only", false, whenMissing: .leave),
        set("all", "gpu_mem", "16", overriding: true), set("all", "dtoverlay", "x"), set("pi0", "b", "1"),
        set("all", "c", "1", overriding: true), set("pi4", "b", "2"), set("all", "b", "3"),
    ]

    @Test(arguments: 0..<500) func listsSettleAtOnce(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = generator.text(of: Self.fragments)
        for rule in Self.rules {
            let once = try rule.applied(to: text)
            #expect(try Array(rule.applied(to: once).utf8) == Array(once.utf8), "\(rule) on \(text.debugDescription)")
        }
        let once = try Self.rules.reduce(text) { try $1.applied(to: $0) }
        let twice = try Self.rules.reduce(once) { try $1.applied(to: $0) }
        #expect(Array(twice.utf8) == Array(once.utf8), "\(text.debugDescription)")
        for board in Board.allCases {
            #expect(ConfigText(once).effective(for: board).last { $0.key == "gpu_mem" }?.value == "16")
        }
    }

    @Test("a file that includes itself many times is followed as far as a limit")
    func circle() {
        let text = String(repeating: "include config.txt\n", count: 100) + "gpu_mem=16\n"
        let config = ConfigText(text)
        let entries = config.entries(for: .zero) { $0 == "config.txt" ? text : nil }
        #expect(entries.filter { $0.key == "gpu_mem" }.count == 201)
        #expect(config.origin(of: "gpu_mem", for: .zero) { _ in text } == .init(file: nil, line: 101))
        #expect(config.effective(for: .zero) { _ in text }.last == .init(key: "gpu_mem", value: "16"))
    }
}
