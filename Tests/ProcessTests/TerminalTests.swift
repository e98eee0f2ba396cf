import Foundation
import TestSupport
import Testing

/// Images, archives and profiles full of sequences for terminals: none of them reaches one, whatever the command.
@Suite(.needs(BaseSpec.tools + ["tar", "xz", "script"]))
struct TerminalTests {
    /// Title, colour, C1's erase, text turned around, delete; without what ends a name or a word.
    private static let evil = "\u{1B}]0;owned\u{7}\u{1B}[31m\u{9B}2J\u{202E}\u{7F}\u{8}x"
    /// The same in a double-quoted text of YAML.
    private static let evilYAML = #"\e]0;owned\a\e[31m\x9B2J\u202E\x7F\bx"#

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var piforge: Piforge { Piforge(folder: folder.path, cache: folder.path + "/cache") }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    private func write(_ text: String, to name: String) throws { try Shell.write(Array(text.utf8), to: path(name)) }

    /// A base with such texts in names and contents; `release` is what it says it is.
    private func base(_ name: String, release: String? = nil) async throws -> String {
        try FileManager.default.copyItem(
            atPath: try await BaseSpec.of("bookworm", "cnat").path(), toPath: path(name))
        let card = try Card(path(name))
        let evil = Self.evil
        func original(_ file: String) throws -> String {
            try Shell.run("debugfs", ["-R", "cat \(file)", card.rootName]).output
        }
        var files = [
            ("/etc/hostname", "h\(evil)\n"), ("/etc/hosts", "127.0.1.1 \(evil)\n"),
            ("/etc/passwd", try original("/etc/passwd") + "eve\(evil):x:1001:1001:\(evil):/home/\(evil):/bin/bash\n"),
            ("/etc/ssh/sshd_config.d/\(evil).conf", "Port \(evil)\nInclude /\(evil)\n"),
            ("/etc/\(evil)", evil), ("/lib/systemd/system/\(evil).service", "[Unit]\nDescription=\(evil)\n"),
            ("/etc/systemd/system/multi-user.target.wants/\(evil).service", "[Service]\nExecStart=\(evil)\n"),
        ]
        if let release { files.append(("/usr/lib/os-release", "VERSION_CODENAME=\(release)\nVERSION_ID=\(release)\n")) }
        var commands = ""
        for (index, (file, text)) in files.enumerated() {
            try write(text, to: "content\(index)")
            commands += "mkdir /etc/ssh/sshd_config.d\nrm \(file)\nwrite \(path("content\(index)")) \(file)\n"
        }
        try write(commands, to: "commands")
        let edited = try Shell.run("debugfs", ["-w", "-f", path("commands"), card.rootName])
        try #require(edited.status == 0, "\(edited.error)")
        for (file, text) in [("config.txt", "dtparam=\(evil)\n[\(evil)]\n"), ("cmdline.txt", " quiet \(evil)=1")] {
            let old = try Shell.run("mtype", ["-i", card.bootName, "::\(file)"]).output
            let line = file == "cmdline.txt" ? old.trimmingCharacters(in: .newlines) + text + "\n" : old + text
            try write(line, to: file)
            let copied = try Shell.run("mcopy", ["-o", "-i", card.bootName, path(file), "::\(file)"])
            try #require(copied.status == 0, "\(copied.error)")
        }
        return path(name)
    }

    private func expectHarmless(_ text: String, _ command: [String]) {
        let controls = text.unicodeScalars.filter { scalar in
            switch scalar.value {
            case 0x09, 0x0A: false
            case 0..<0x20, 0x7F...0x9F, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2069, 0x061C, 0xFEFF: true
            default: false
            }
        }
        #expect(controls.isEmpty, "\(command.map { $0.debugDescription }): \(text.debugDescription)")
    }

    /// Runs each command, and returns all that they printed.
    private func run(_ commands: [[String]]) throws -> String {
        var all = ""
        for command in commands {
            let answer = try piforge.run(command)
            expectHarmless(answer.output + answer.error, command)
            #expect(answer.status < 128, "\(command): \(answer.error)")
            all += answer.output + answer.error
        }
        return all
    }

    @Test("of an image") func image() async throws {
        let base = try await base("base.img")
        let profile = """
            version: 1
            cluster: sg1
            slots:
              p1:
                hostname: oneil
                files:
                  - {content: "\(Self.evilYAML)\\n", target: /etc/motd}
                  - {link: "\(Self.evilYAML)", target: /etc/link}
            """
        try write(profile, to: "piforge.yaml")
        let shown = try run([
            ["plan", "--slot", "p1", "--base", base], ["inspect", base],
            ["build", "--slot", "p1", "--base", base, "--output", "out"],
            ["verify", "--slot", "p1", base], ["netboot", "--slot", "p1", "--base", base, "--output", "out"],
            ["netboot", "lint", "out"],
        ])
        #expect(shown.contains(#"h\x1B]0;owned\x07\x1B[31m\u{9B}2J\u{202E}\x7F\x08x"#))
        let manifest = path("out/sg1-p1.manifest.json")
        let text = try String(contentsOfFile: manifest, encoding: .utf8)
        expectHarmless(text, ["manifest"])
        try Shell.write(
            Array(text.replacing("\"/etc/hostname\"", with: #""/etc/\u001b[31m\u009b\u202e""#).utf8), to: manifest)
        // Of an image that is not to the byte what the manifest says, its paths are compared.
        let image = try #require(FileHandle(forWritingAtPath: path("out/sg1-p1.img")))
        try image.seekToEnd()
        try image.write(contentsOf: Data(count: 512))
        try image.close()
        #expect(
            try run([["identify", "out/sg1-p1.img"], ["verify", "out/sg1-p1.img"]]).contains(#"\x1B[31m\u{9B}\u{202E}"#)
        )

        let inspected = try piforge.run("inspect", "--json", base)
        expectHarmless(inspected.output, ["inspect --json"])
        let document = try JSONSerialization.jsonObject(with: Data(inspected.output.utf8)) as? [String: Any]
        let identity = document?["identity"] as? [String: Any]
        #expect((identity?["hostname"] as? String) == "h" + Self.evil)
        _ = try run([["plan", "--slot", "p1", "--base", base, "--json"], ["verify", "--slot", "p1", base, "--json"]])
    }

    @Test("of an image that is refused, and of one whose name is like that") func refused() async throws {
        let refused = try await base("refused.img", release: Self.evil)
        try Packer.xz(try await BaseSpec.plain.path(), to: path("\(Self.evil).img.xz"))
        try FileManager.default.copyItem(atPath: "/etc/passwd", toPath: path("\(Self.evil).img"))
        let shown = try run([
            ["plan", "--slot", "p1", "--base", refused], ["inspect", refused], ["inspect", "\(Self.evil).img"],
            ["plan", "--slot", "p1", "--base", "\(Self.evil).img.xz"], ["cache", "list"], ["cache", "list", "--json"],
            ["flash", "\(Self.evil).img", "/dev/\(Self.evil)"], ["repair", "\(Self.evil).img"],
            ["verify", "\(Self.evil).img"], ["identify", "\(Self.evil).img"], ["netboot", "lint", Self.evil],
            ["build", "--slot", Self.evil, "--base", refused], ["build", "--profile", Self.evil], ["--\(Self.evil)"],
            [Self.evil], ["plan", "--set", "\(Self.evil)=\(Self.evil)"], ["plan", "--json", "--slot", Self.evil],
            ["handoff", "--profile", Self.evil], ["status", "--profile", Self.evil], ["devices", Self.evil],
            ["cache", "prune", "--all", Self.evil],
        ])
        #expect(shown.contains(#"\x1B]0;owned\x07"#))
    }

    @Test("of a profile, whatever is wrong with it") func profile() throws {
        let evil = Self.evilYAML
        for (index, text) in [
            "version: 1\ncluster: \"\(evil)\"\nslots: {p1: }\n",
            "version: 1\ncluster: c\n\"\(evil)\": 1\nslots: {p1: {\"\(evil)\": \"\(evil)\"}, \"\(evil)\": }\n",
            "version: 1\ncluster: c\nslots: {p1: {hostname: \"\(evil)\", gpu_mem: \"\(evil)\", ssh: \"\(evil)\"}}\n",
            "version: 1\ncluster: c\nslots: {p1: {authorized_keys: [\"ssh-ed25519 \(evil)\"], user: \"\(evil)\"}}\n",
            "version: 1\ncluster: c\nslots: {p1: {files: [{source: \"\(evil)\", target: \"/\(evil)\"}]}}\n",
            "version: 1\ncluster: c\nbase: {image: \"\(evil)\"}\nslots: {p1: }\n",
            "version: 1\ncluster: \u{202E}c\nslots: {p1: {timezone: \u{202E}x, locale: \"\(evil)\"}}\n",
        ].enumerated() {
            try write(text, to: "\(index).yaml")
            let shown = try run([
                ["plan", "--profile", "\(index).yaml"], ["plan", "--profile", "\(index).yaml", "--json"],
                ["handoff", "--profile", "\(index).yaml"],
            ])
            #expect(shown.contains("\\x1B") || shown.contains("\\u{202E}"), "\(index): \(shown)")
        }
    }

    @Test("of an archive") func archive() throws {
        try FileManager.default.createDirectory(atPath: path("tree/p1/\(Self.evil)"), withIntermediateDirectories: true)
        try write(Self.evil, to: "tree/p1/cmdline.txt")
        try write("kernel=\(Self.evil)\ninitramfs \(Self.evil)\n", to: "tree/p1/config.txt")
        try write(Self.evil, to: "tree/p1/\(Self.evil)/\(Self.evil)")
        try Packer.run("tar", ["-C", path("tree"), "-cf", path("tree.tar"), "."])
        let shown = try run([
            ["netboot", "lint", "tree"], ["netboot", "lint", "tree.tar"],
            ["netboot", "--slot", "p1", "--base", "tree.tar", "--output", "out"], ["inspect", "tree.tar"],
        ])
        #expect(shown.contains("\\x1B") || shown.contains("\\u{202E}"), "\(shown)")
    }

    /// Its own sequence, which takes the line away, is the only one.
    @Test("in the progress line of a terminal") func progress() async throws {
        let packed = path("\(Self.evil).img.xz")
        try Packer.xz(try await BaseSpec.plain.path(), to: packed)
        try write("exec \"$PIFORGE\" inspect \"$IMAGE\" > /dev/null\n", to: "command")
        let answer = try Shell.run(
            "script", ["-qec", "sh \(path("command"))", "/dev/null"],
            environment: [
                "PIFORGE": Piforge.program, "IMAGE": packed, "XDG_CACHE_HOME": path("cache"), "HOME": folder.path,
            ])
        let shown = answer.output.replacing("\r\u{1B}[K", with: "").replacing("\r\n", with: "\n")
        #expect(shown.contains(#"\x1B]0;owned"#), "\(answer.output.debugDescription)")
        expectHarmless(shown, ["script"])
    }
}
