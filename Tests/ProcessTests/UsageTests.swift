import Foundation
@testable import Reports
import TestSupport
import Testing

/// Wrong usage: every message in one style, with something to type.
struct UsageTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    @Test(
        "what was probably meant is the hint; else it is where the help is",
        arguments: [
            ("bild --slot p1", "there is no command \"bild\"", "piforge build"),
            ("frobnicate", "there is no command \"frobnicate\"", "piforge --help"),
            ("netboot instal", "there is no command \"instal\" of piforge netboot", "piforge netboot install"),
            ("help profil", "there is no help on \"profil\"", "piforge help profile"),
            ("help xyzzy", "there is no help on \"xyzzy\"", "piforge --help"),
            ("build --slto p1", "there is no option --slto", "--slot"),
            ("build --xyzzyxyzzy", "there is no option --xyzzyxyzzy", "piforge build --help"),
            ("build --slot", "could not use --slot: its value <slots> is missing", "piforge build --help"),
            (
                "build --format img.xy", "could not use --format img.xy: it is none of img, img.xz, img.zst, img.gz",
                "--format img.xz"
            ),
            (
                "build --expect-size many", "could not use --expect-size many: it is no such value",
                "piforge build --help"
            ),
            ("build --force=yes", "could not use --force=yes: it takes no value", "--force"),
            ("flash", "an argument is missing: <image>", "piforge flash --help"),
            ("devices extra", "there is an argument too many: extra", "piforge devices --help"),
            ("devices a b", "there are arguments too many: a b", "piforge devices --help"),
            ("completion fsh", "could not use fsh: it is none of bash, zsh, fish", "fish"),
            ("plan --slot tealk", "--slot: there is no slot \"tealk\"", "tealc"),
            (
                "build --device tealk=/dev/null", "could not use --device tealk=/dev/null: there is no slot \"tealk\"",
                "--device tealc=/dev/null"
            ),
            ("plan --allow keys-of", "there is no finding \"keys-of\"", "--allow keys-off"),
            ("plan --set time_zon=UTC", "--set time_zon: unknown key `time_zon`", "--set time_zone=…"),
            ("plan --set wifi.psk=12345678", "--set wifi.psk: `wifi` has no `ssid`", "--set wifi.ssid=Home"),
            (
                "plan --set keyboard.model=pc105", "--set keyboard.model: `keyboard` has no `layout`",
                "--set keyboard.layout=gb"
            ),
        ])
    func usage(_ command: String, _ message: String, _ hint: String) throws {
        let answer = try piforge.run(command.split(separator: " ").map(String.init))
        #expect(answer.status == 64)
        #expect(answer.error == "error: \(message)\nhint:  \(hint)\n")
        #expect(answer.output == "")
    }

    @Test("of a profile the hints speak of YAML") func profile() throws {
        let text = "version: 1\ncluster: c\ndefaults: {wifi: {psk: 12345678}}\nslots: {p1: }\n"
        try Shell.write(Array(text.utf8), to: folder.path + "/piforge.yaml")
        let answer = try piforge.run("plan")
        #expect(answer.status == 65)
        #expect(answer.error.hasSuffix(": `wifi` has no `ssid`\nhint:  ssid: Home\n"), "\(answer.error)")
    }

    @Test("a slot's host name may stand before a device") func hostNameOfDevice() throws {
        let answer = try piforge.run(
            "build", "--device", "tealc=/dev/null", "--base", "x.img", "--yes", "--expect-size", "9")
        #expect(answer.status == 64)
        #expect(answer.error.hasPrefix("error: could not write /dev/null: it is no disk"), "\(answer.error)")
    }

    @Test("README, piforge --help and piforge help exit-codes name the codes that there are") func exitCodes() throws {
        let codes = ForgeError.Kind.allCases.map { Int($0.rawValue) }
        let help = try piforge.run("--help").output.split(whereSeparator: \.isNewline).joined(separator: " ")
        let readme = try String(contentsOfFile: Repository.path + "/README.md", encoding: .utf8)
        let topic = try piforge.run("help", "exit-codes").output
        for code in codes where code != 130 {
            #expect(help.contains(" \(code) "), "\(code)")
            #expect(readme.contains("\(code) "), "\(code)")
            #expect(topic.contains("\n\(code) "), "\(code)")
        }
        #expect(help.contains("129, 130 and 143") && topic.contains("129, 130, 143"))
    }
}
