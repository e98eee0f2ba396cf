import TestSupport
import Testing

@testable import Plans

struct KernelCommandLineTests {
    static let cases: [RuleCase] = [
        .init(.setKernelArgument("a=1"), "b init=/x y\n", "b a=1 init=/x y\n"),
        .init(
            .setKernelArgument("a=1"), "b systemd.run=/boot/firstrun.sh z\n", "b a=1 systemd.run=/boot/firstrun.sh z\n"),
        .init(.setKernelArgument("a=1"), "b -- init=/y\n", "b a=1 -- init=/y\n"),
        .init(.setKernelArgument("a=1"), "b  a=1   c\n", "b  a=1   c\n"),
        .init(.setKernelArgument("a=1"), "b a=2 c a=3\n", "b a=1 c\n"),
        .init(.setKernelArgument("a=1"), "b init=/x a=1\n", "b a=1 init=/x\n"),
        .init(.setKernelArgument("a_b=1"), "a-b=2\n", "a_b=1\n"),
        .init(.setKernelArgument("quiet"), "", "quiet\n"),
        .init(
            .setKernelArgument("console=tty1"), "console=serial0,115200 a\n", "console=serial0,115200 a console=tty1\n"),
        .init(
            .setKernelArgument("cgroup_enable=memory"), "cgroup_enable=cpuset\n",
            "cgroup_enable=cpuset cgroup_enable=memory\n"),
        .init(
            .setKernelArgument("cgroup_enable=memory"), "cgroup_enable=memory cgroup_enable=memory\n",
            "cgroup_enable=memory\n"),
        .init(.setKernelArgument("init=/f"), "a\n", "a init=/f\n"),
        .init(.setKernelArgument("init=/f"), "a systemd.run=x\n", "a init=/f systemd.run=x\n"),
        .init(.setKernelArgument("init=/f"), "a init=/g b\n", "a init=/f b\n"),
        .init(.setKernelArgument("systemd.run=x"), "a init=/g\n", "a init=/g systemd.run=x\n"),
        .init(.setKernelArgument("x=\"a b\""), "y=\"c d\" x=1\n", "y=\"c d\" x=\"a b\"\n"),
        .init(.removeKernelArgument("a"), "a a=1 b a=2 ab\n", "b ab\n"),
        .init(.removeKernelArgument("a=1"), "a a=1 b a=2\n", "a b a=2\n"),
        .init(.removeKernelListItem("memory", key: "cgroup_disable"), "a cgroup_disable=memory b\n", "a b\n"),
        .init(
            .removeKernelListItem("memory", key: "cgroup_disable"), "cgroup_disable=cpu,memory\n",
            "cgroup_disable=cpu\n"),
        .init(.removeReconfigInit, "a quiet init=/usr/sbin/reconfig-clusterctrl cbridge\n", "a quiet\n"),
        .init(.removeReconfigInit, "a init=/sbin/reconfig-clusterctrl p12 b\n", "a b\n"),
        .init(.removeReconfigInit, "a init=/usr/sbin/reconfig-clusterctrl quiet\n", "a quiet\n"),
        .init(.removeReconfigInit, "a init=/usr/sbin/reconfig-clusterctrl", "a\n"),
        .init(
            .removeReconfigInit, "a init=/usr/lib/raspi-config/init_resize.sh\n",
            "a init=/usr/lib/raspi-config/init_resize.sh\n"),
        // One line: the first that is not blank, without CR, BOM and blanks at its ends.
        .init(.removeReconfigInit, "a b\r\n", "a b\n"),
        .init(.removeReconfigInit, "\u{FEFF}a b", "a b\n"),
        .init(.removeReconfigInit, "\n  \n a b \nc init=/usr/sbin/reconfig-clusterctrl p1\n", "a b\n"),
        .init(.removeReconfigInit, "a b\n init=/usr/sbin/reconfig-clusterctrl p1\n", "a b\n"),
        .init(.removeReconfigInit, "", "\n"),
    ]

    @Test(arguments: cases) func table(_ example: RuleCase) throws {
        let result = try example.rule.applied(to: example.old)
        #expect(result == example.new)
        #expect(try example.rule.applied(to: result) == result)
    }

    @Test func aLineThatIsTooLongIsRefused() throws {
        let text = String(repeating: "x", count: 890) + "\n"
        #expect(throws: TextRuleError.commandLineTooLong(byteCount: 901, limit: 900)) {
            try TextRule.setKernelArgument("a=1234567").applied(to: text)
        }
        #expect(try TextRule.setKernelArgument("a=123456").applied(to: text).utf8.count == 900)
    }

    private static let fragments = [
        "a", "a=1", "a=2", "b", "console=tty1", "console=ttyGS0", "init=/x", "init=/usr/sbin/reconfig-clusterctrl",
        "cbridge", "p3", "--", "\"", "cgroup_enable=memory", "cgroup_disable=memory,cpu", "systemd.run=/x", "quiet",
    ]
    private static let rules: [TextRule] = [
        .removeReconfigInit, .removeKernelListItem("memory", key: "cgroup_disable"), .removeKernelArgument("b"),
        .removeKernelArgument("console=ttyGS0"), .setKernelArgument("init=/f"), .setKernelArgument("a=1"),
        .setKernelArgument("cgroup_enable=cpuset"), .setKernelArgument("cgroup_memory=1"),
        .setKernelArgument("cgroup_enable=memory"), .setKernelArgument("systemd.run=/y"),
        .setKernelArgument("console=tty2"),
    ]

    @Test(arguments: 0..<500) func listsSettleAtOnce(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = generator.text(of: Self.fragments, lines: 0...4)
        guard KernelCommandLine(text).text.split(separator: "\"", omittingEmptySubsequences: false).count % 2 == 1
        else {
            #expect(throws: TextRuleError.malformed("with an open quote")) {
                try TextRule.removeReconfigInit.applied(to: text)
            }
            return
        }
        for rule in Self.rules {
            let once = try rule.applied(to: text)
            #expect(try rule.applied(to: once) == once, "\(rule) on \(text.debugDescription)")
        }
        let once = try Self.rules.reduce(text) { try $1.applied(to: $0) }
        let twice = try Self.rules.reduce(once) { try $1.applied(to: $0) }
        #expect(twice == once, "\(text.debugDescription)")
        #expect(once.utf8.count(where: { $0 == 0x0A }) == 1 && once.hasSuffix("\n") && !once.hasPrefix(" "))
    }
}
