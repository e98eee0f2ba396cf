import Foundation
import Plans
import TestSupport
import Testing

/// The one table: the schema, the reference and the shipped profiles agree with the decoder.
struct ProfileSchemaTests {
    @Test("profiles/schema.json is what the table says")
    func schema() throws {
        try GoldenFile.expect(Schema.json, in: Repository.path + "/profiles/schema.json")
    }

    @Test("the keys in docs/profile.md are what the table says")
    func reference() throws {
        let text = try Fixture.file("docs/profile.md")
        let head = try #require(text.range(of: Schema.referenceStart))
        let tail = try #require(text.range(of: Schema.referenceEnd))
        let wanted =
            text[..<head.upperBound] + "\n\n" + Schema.reference + "\n\n" + text[tail.lowerBound...]
        try GoldenFile.expect(String(wanted), in: Repository.path + "/docs/profile.md")
    }

    @Test("the shipped profiles decode", arguments: ["demo", "cnat", "bridge"])
    func shipped(name: String) throws {
        let profile = try Profile.load(text: try Fixture.file("profiles/\(name).yaml"), name: "\(name).yaml")
        #expect(profile.cluster == (name == "cnat" ? "sg1" : name))
        #expect(profile.slots == [name == "bridge" ? .cbridge : .cnat] + (1...4).map { .node($0) })
        for (slot, settings) in try profile.settings(for: profile.slots) {
            #expect(settings.ssh == true)
            #expect(settings.cgroups == true)
            #expect(settings.gpuMemory == (slot == .cbridge ? 64 : 16))
        }
    }

    @Test("the article's cluster has its names")
    func cnat() throws {
        let profile = try Profile.load(text: try Fixture.file("profiles/cnat.yaml"), name: "cnat.yaml")
        let names = try profile.settings(for: profile.slots).map(\.settings.hostname)
        #expect(names == ["hammond", "oneil", "carter", "tealc", "danieljackson"])
        #expect(try profile.settings(for: .node(3)).domain == "chappa.ai")
    }

    @Test("the template decodes as it is, and with its comments taken as examples")
    func template() throws {
        let profile = try Profile.load(text: ProfileTemplate.text, name: "piforge.yaml")
        #expect(profile.slots.count == 5)
        let words = ProfileTemplate.text
        for path in Schema.settingPaths {
            let key = path.split(separator: ".").last.map(String.init) ?? path
            let isLeftOut = [
                "psk", "hidden", "variant", "options", "dhcp_timeout", "build", "host_key_file",
                "labels", "data", "daemon", "networks", "secrets", "stacks", "pool", "advertise", "members",
            ].contains(key)
            #expect(isLeftOut || words.contains("\(key):"), "the template shows no \(key)")
        }
    }

    @Test("the template's comments are right once they are uncommented")
    func uncommented() throws {
        let lines = ProfileTemplate.text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let indent = String(line.prefix { $0 == " " })
            let rest = String(line.dropFirst(indent.count))
            guard rest.hasPrefix("# "), rest.contains(":") || rest.hasPrefix("#   ") else { return String(line) }
            let body = rest.dropFirst(2)
            let isProse = body.first?.isUppercase ?? false
            return isProse || body.hasPrefix("profiles") ? String(line) : indent + String(body)
        }
        let files = FakeFiles(
            files: [
                "~/.ssh/id_ed25519.pub": Fixture.ed25519, "secrets/wifi": "correct horse", "files/motd": "x",
                "files/splash.txt": "y",
            ].merging(FakeFiles.packages) { $1 })
        do {
            _ = try Profile.load(text: lines.joined(separator: "\n"), name: "t.yaml", files: files)
            Issue.record("the placeholders of the key and hash were accepted")
        } catch {
            #expect(
                error.problems.map(\.message) == [
                    "the password hash has not the shape of a `$6$` one: is it cut off?",
                    "the part after `ssh-ed25519` is not base64: is the key cut off or wrapped?",
                ])
        }
    }

    @Test("every example of the table is right")
    func examples() throws {
        let files = try FakeFiles(
            files: [
                "keys/admin.pub": Fixture.ed25519, "secrets/wifi": "correct horse", "motd": "x", "files/motd": "x",
                "keys/tealc_ed25519": Fixture.hostKey().privateFileText, "secrets/pi.hash": Fixture.passwordHash,
            ].merging(FakeFiles.packages) { $1 })
        let placeholders = [
            "authorized_keys", "files", "wifi", "keyboard", "kernel_arguments", "units", "domain", "base",
        ]
        for key in Schema.slotKeys where !placeholders.contains(key.name) {
            _ = try Fixture.load("slots: {p1: {\(key.name): \(key.example)}}", files: files)
        }
        for key in Schema.slotKeys {
            guard case .object(let inner) = key.type else { continue }
            let all = inner.filter { $0.name != "psk_file" }.map { "\($0.name): \($0.example)" }
            _ = try Fixture.load("slots: {p1: {\(key.name): {\(all.joined(separator: ", "))}}}", files: files)
        }
    }

    @Test("every key of the table reaches the settings or is read for another")
    func everyKeyCounts() throws {
        let files = try FakeFiles(
            files: [
                "keys/admin.pub": Fixture.ed25519, "secrets/wifi": "correct horse", "motd": "x",
                "keys/tealc_ed25519": Fixture.hostKey().privateFileText, "secrets/pi.hash": Fixture.passwordHash,
                "FILE": "s3cr3t", "secrets/cf_token": "s3cr3t", "stacks/traefik.yaml": SwarmSettingTests.stack,
            ].merging(FakeFiles.packages) { $1 })
        // Some keys count only together with the cluster.
        func settings(_ flags: ArraySlice<SettingsLayer.Flag>) throws -> Settings {
            let layer = try SettingsLayer(flags: Array(flags), files: files)
            return try Profile(name: "", cluster: "sg1", slotLayers: [.node(3): layer])
                .settings(for: [.node(3)], needsSecret: false)[0].settings
        }
        for path in Schema.settingPaths {
            let row = try #require(Schema.key(path))
            let isKey = path == "authorized_keys"
            var flags = [
                SettingsLayer.Flag(key: path, value: isKey ? Fixture.ed25519 : row.example, origin: "--set")
            ]
            if path.hasPrefix("wifi."), path != "wifi.ssid" {
                flags.append(.init(key: "wifi.ssid", value: "x", origin: "--set"))
            }
            if path.hasPrefix("keyboard."), path != "keyboard.layout" {
                flags.append(.init(key: "keyboard.layout", value: "us", origin: "--set"))
            }
            if ["network.gateway", "network.dns"].contains(path) {
                flags.append(.init(key: "network.address", value: "192.168.1.20/24", origin: "--set"))
            }
            let base = try settings(flags.dropFirst())
            let full = try settings(flags[...])
            // What is said of a cluster as a whole counts at the top of a profile: SwarmSettingTests.
            if path == "nodes_on" || path.hasPrefix("swarm") { continue }
            // `hidden: false` says what holds anyway.
            #expect(full != base || path == "wifi.hidden", "\(path) changes nothing")
        }
    }

    @Test("a foreign validator agrees on the shipped profiles", .needs("python3"))
    func foreignValidator() throws {
        let probe = try Shell.run("python3", ["-c", "import jsonschema, yaml"])
        try ToolsTrait.require(
            probe.status == 0, "the modules jsonschema and yaml of python3 are not installed")
        let script = """
            import json, sys, yaml, jsonschema
            schema = json.load(open(sys.argv[1]))
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            for path in sys.argv[2:]:
                errors = list(validator.iter_errors(yaml.safe_load(open(path))))
                print(path.rsplit('/', 1)[1], [list(e.absolute_path) for e in errors])
            """
        let folder = try TemporaryFolder()
        let bad = folder.path + "/bad.yaml"
        try Data(Fixture.text("slots: {p1: {shh: true}, p2: {gpu_mem: 8}, p3: {hostname: A}, nas: {}, P4: {}}").utf8)
            .write(to: URL(fileURLWithPath: bad))
        let good = folder.path + "/good.yaml"
        try Data(ProfileTemplate.text.utf8).write(to: URL(fileURLWithPath: good))
        let profiles = ["demo", "cnat", "bridge", "sg1"].map { Repository.path + "/profiles/\($0).yaml" }
        let result = try Shell.run(
            "python3", ["-c", script, Repository.path + "/profiles/schema.json"] + profiles + [good, bad])
        #expect(result.error == "")
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.dropLast() == ["demo.yaml []", "cnat.yaml []", "bridge.yaml []", "sg1.yaml []", "good.yaml []"])
        for place in [
            "['slots', 'p1']", "['slots', 'p2', 'gpu_mem']", "['slots', 'p3', 'hostname']", "['slots', 'nas']",
            "['slots']",
        ] {
            // Draft 2020-12 reports below `anyOf` at the slot itself.
            let slot = place.split(separator: ",").prefix(2).joined(separator: ",")
            let whole = slot.hasSuffix("]") ? slot : slot + "]"
            #expect(lines.last?.contains(whole) == true, "\(whole)")
        }
    }

    @Test(
        "the nearest word",
        arguments: [
            ("gpu-mem", "gpu_mem"), ("timezone", "time_zone"), ("authorised_keys", "authorized_keys"),
            ("hsotname", "hostname"),
            ("gpu_memory", "gpu_mem"), ("wlan", nil), ("completely_different", nil),
        ])
    func nearest(word: String, expected: String?) {
        #expect(SchemaSuggestion.nearest(to: word, in: Schema.slotKeys.map(\.name)) == expected)
    }
}
