import Foundation
import TestSupport
import Testing

/// The GitHub action's steps, as GitHub would run them.
@Suite(.needs(BaseSpec.tools + ["bash", "python3", "tar", "gzip", "curl"]))
struct ActionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        _ = try Piforge(inClusterAt: folder.path)
        // A release's archive; the program in it is the one under test.
        try FileManager.default.createDirectory(
            atPath: folder.path + "/r/piforge-9/bin", withIntermediateDirectories: true)
        let program = "#!/bin/sh\nexec '\(Piforge.program)' \"$@\"\n"
        try Shell.write(Array(program.utf8), to: folder.path + "/r/piforge-9/bin/piforge")
        _ = try Shell.run("chmod", ["755", folder.path + "/r/piforge-9/bin/piforge"])
        _ = try Shell.run("tar", ["-C", folder.path + "/r", "-czf", folder.path + "/release.tar.gz", "piforge-9"])
    }

    private func step(_ name: String, _ inputs: [String: String]) throws -> Shell.Answer {
        let own = [
            "RUNNER_TEMP": folder.path + "/temp", "GITHUB_OUTPUT": folder.path + "/outputs",
            "GITHUB_STEP_SUMMARY": folder.path + "/summary.md", "GITHUB_SERVER_URL": "https://127.0.0.1:1",
            "ACTION_REPOSITORY": "someone/piforge", "HOME": folder.path,
        ]
        return try Shell.run(
            "env", ["-C", folder.path, Repository.path + "/scripts/action/run", name],
            environment: own.merging(inputs) { $1 })
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)), as: UTF8.self)
    }

    /// What the steps so far have given as outputs.
    private func outputs() throws -> [String: String] {
        try text("outputs").split(separator: "\n").reduce(into: [:]) { outputs, line in
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            outputs[parts[0]] = parts[1]
        }
    }

    @Test("a job makes the images, and its summary names them") func job() async throws {
        // Names become text, not markup.
        let base = folder.path + "/a|<b>.img"
        try FileManager.default.createSymbolicLink(atPath: base, withDestinationPath: try await BaseSpec.plain.path())
        let got = try step("get", ["PIFORGE_VERSION": "release.tar.gz"])
        #expect(got.status == 0 && got.output.hasPrefix("0."), "\(got.output)\(got.error)")
        let hash = "$6$saltsalt$" + String(repeating: "x", count: 86)
        var inputs = [
            "PIFORGE": try #require(outputs()["piforge"]), "PIFORGE_CACHE": try #require(outputs()["cache"]),
            "PIFORGE_SLOTS": "p3,cnat", "PIFORGE_BASE": base, "PIFORGE_OUTPUT": "cards", "PIFORGE_FORMAT": "img.xz",
            "PIFORGE_PASSWORD_HASH": hash,
        ]
        let made = try step("build", inputs)
        #expect(made.status == 0 && made.output == "" && made.error == "", "\(made.output)\(made.error)")
        let summary = try text("summary.md")
        let sums = try text("cards/SHA256SUMS").split(separator: "\n").map { String($0.prefix(64)) }
        #expect(sums.count == 2)
        for (slot, sum) in zip(["p3", "cnat"], sums) {
            #expect(summary.contains("| \(slot) | sg1-\(slot).img.xz | "), "\(summary)")
            #expect(summary.contains("<code>\(sum)</code> |\n"))
        }
        #expect(summary.contains("Made from a&#124;&#60;b&#62;.img ("))
        #expect(try outputs()["images"] == "cards" && outputs()["sums"] == "cards/SHA256SUMS")
        let check = try Shell.run("env", ["-C", folder.path + "/cards", "sha256sum", "-c", "SHA256SUMS"])
        #expect(check.status == 0, "\(check.error)")
        // The hash came by a pipe, and went into the image alone.
        #expect(
            try text("cards/sg1-p3.manifest.json").contains("password of pi")
                || text("temp/piforge/build.json").contains("its password"))
        for name in ["summary.md", "temp/piforge/build.json", "temp/piforge/piforge.log"] {
            #expect(try !text(name).contains("saltsalt"))
        }

        inputs["PIFORGE_PASSWORD_HASH"] = nil
        try Shell.write(
            Array("version: 1\ncluster: sg1\ndefaults: {ssh: true}\nslots: {p3: {}}\n".utf8),
            to: folder.path + "/piforge.yaml")
        inputs["PIFORGE_SLOTS"] = ""
        try FileManager.default.removeItem(atPath: folder.path + "/summary.md")
        let failed = try step("build", inputs)
        #expect(failed.status == 65)
        let why = try text("summary.md")
        #expect(why.hasPrefix("### piforge has failed\n\n- **error**: slot p3"), "\(why)")
        #expect(why.contains("ssh-no-login"))
        inputs["PIFORGE_STRICT"] = "false"
        #expect(try step("build", inputs).status == 0)
    }

    @Test("a release that cannot be had or is none ends the job, and says so") func noRelease() throws {
        let none = try step("get", [:])
        #expect(
            none.status == 64 && none.output == "::error title=piforge::no version of piforge: set piforge-version\n")
        let gone = try step("get", ["PIFORGE_VERSION": "v9.9.9"])
        #expect(gone.status == 69)
        #expect(
            gone.output.contains(
                "could not fetch https://127.0.0.1:1/someone/piforge/releases/download/v9.9.9/piforge-9.9.9-linux-"),
            "\(gone.output)")
        let wrong = try step("get", ["PIFORGE_VERSION": "piforge.yaml"])
        #expect(wrong.status == 65 && wrong.output.contains("could not unpack piforge.yaml"))
    }

    @Test("action.yml is an action's definition, and gives the steps all that they ask for")
    func definition() throws {
        let validator = Repository.path + "/.build/validators/bin/check-jsonschema"
        try ToolsTrait.require(
            FileManager.default.isExecutableFile(atPath: validator), of: .machine,
            "there are no validators: scripts/setup --validators")
        let path = Repository.path + "/action.yml"
        let checked = try Shell.run(validator, ["--builtin-schema", "vendor.github-actions", path])
        #expect(checked.status == 0, "\(checked.output)")
        let action = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        let script = String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: Repository.path + "/scripts/action/run")),
            as: UTF8.self)
        for use in script.matches(of: #/\$\{?((PIFORGE|ACTION)_[A-Z_]+|PIFORGE\b)/#) {
            #expect(action.contains("        \(use.output.1): ${{ "), "\(use.output.1)")
        }
    }
}
