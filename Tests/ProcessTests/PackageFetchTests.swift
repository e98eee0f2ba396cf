import Foundation
import TestSupport
import Testing

/// `packages` without root: this machine's apt finds them in an archive that the image names and trusts.
@Suite(
    .serialized, .mustEnd,
    .needs(BaseSpec.tools + WebServer.tools + ["dpkg-deb", "apt-get", "dpkg-scanpackages", "gpg", "sh"]))
struct PackageFetchTests {
    private let folder: TemporaryFolder
    private let server: WebServer
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        server = try WebServer()
        piforge = Piforge(folder: folder.path, cache: folder.path + "/cache")
        for name in ["archive", "home", "base"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + name, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
    }

    // MARK: The archive

    private func shell(_ script: String) throws -> String {
        let answer = try Shell.run(
            "sh", ["-ec", script], environment: ["GNUPGHOME": folder.path + "/home", "D": folder.path])
        try #require(answer.status == 0, "\(answer.error)")
        return answer.output
    }

    private func makeKey() throws {
        _ = try shell(
            """
            gpg --batch --quiet --passphrase '' --quick-gen-key probe@example.org ed25519 sign never 2>/dev/null
            gpg --batch --export > "$D/probe.gpg"
            """)
    }

    /// Packages in a flat archive, signed unless told otherwise, where the server gives it.
    private func publish(_ packages: [DebianPackage], isSigned: Bool = true) throws {
        _ = try shell("rm -f \"$D\"/archive/*")
        for package in packages { try package.make(in: folder.path + "/archive") }
        _ = try shell(
            """
            cd "$D/archive"
            dpkg-scanpackages --multiversion . > Packages 2>/dev/null
            { echo 'Origin: probe'; echo 'Suite: probe'; echo 'Codename: probe'
            echo "Date: $(date -R -u)"; echo SHA256:
            echo " $(sha256sum Packages | cut -d ' ' -f 1) $(wc -c < Packages) Packages"; } > Release
            [ \(isSigned) = false ] || gpg --batch --yes --clearsign --output InRelease Release 2>/dev/null
            """)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path + "/archive") {
            let served = server.path(of: name)
            try? FileManager.default.removeItem(atPath: served)
            try server.serve(fileAt: folder.path + "/archive/" + name, as: name)
        }
    }

    private static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPLz6wwiZS9B+sm8WJf2yN91XWkst60Wq7VOEmmmA+c demo"

    private static let closure = [
        DebianPackage("probe", version: "1:2.0-1", fields: ["Depends: libprobe (>= 2), libc6"]),
        DebianPackage("libprobe", version: "2.1", architecture: "all"),
        DebianPackage("other", version: "1"),
    ]

    /// A base whose sources name the archive.
    private func makeBase(
        options: String = "signed-by=/usr/share/keyrings/probe.gpg", address: String? = nil, slot: String = "p1"
    ) async throws {
        let list = "deb [\(options)] \(address ?? "http://127.0.0.1:\(server.port)/plain/") ./"
        let status =
            "Package: dpkg\\nStatus: install ok installed\\nArchitecture: armhf\\nVersion: 1.21.22\\n\\n"
            + "Package: libc6\\nStatus: install ok installed\\nArchitecture: armhf\\nVersion: 2.36-9\\n"
        let profile = """
            version: 1
            cluster: base
            defaults:
              files:
                - {content: "\(list)\\n", target: /etc/apt/sources.list}
                - {source: probe.gpg, target: /usr/share/keyrings/probe.gpg}
                - {content: "\(status)", target: /var/lib/dpkg/status}
                - {content: "#!/bin/sh\\n", target: /usr/bin/ssh, mode: "0755"}
            slots: {\(slot): }

            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/base/base.yaml")
        _ = try shell("cp \"$D/probe.gpg\" \"$D/base/\"")
        let built = try piforge.run(
            "build", "--profile", "base/base.yaml", "--base", try await BaseSpec.plain.path(), "--output", "base",
            "--force")
        try #require(built.status == 0, "\(built.error)")
    }

    private func writeProfile(_ lines: String...) throws {
        let text =
            "version: 1\ncluster: c\nbase: base/base-p1.img\ndefaults:\n" + lines.map { "  \($0)\n" }.joined()
            + "slots: {p1: , p2: }\n"
        try Shell.write(Array(text.utf8), to: folder.path + "/piforge.yaml")
    }

    private func packages(in image: String) throws -> [String] {
        try CardTree(try Card(folder.path + "/" + image)).root.keys.filter { $0.hasSuffix(".deb") }.compactMap {
            $0.split(separator: "/").last.map(String.init)
        }.sorted()
    }

    // MARK: What is found

    @Test("the closure for another architecture is found, locked, and built without a network, the same each time")
    func closure() async throws {
        try makeKey()
        try publish(Self.closure)
        try await makeBase()
        try writeProfile("packages: [probe]")
        let names = ["libprobe_2.1_all.deb", "probe_1%3a2.0-1_armhf.deb"]
        let fetched = try piforge.run("packages", "fetch", "--output", "debs")
        try #require(fetched.status == 0, "\(fetched.error)")
        let sums = try shell("cd \"$D/debs\" && sha256sum *.deb")
        #expect(fetched.output == sums)
        #expect(fetched.output.split(separator: "\n").map { String($0.dropFirst(66)) } == names)
        #expect(fetched.error.contains("note: p1, p2: 2 packages"), "\(fetched.error)")
        let count = try server.requests().count
        for output in ["out", "again"] {
            let built = try piforge.run("build", "--offline", "--output", output)
            try #require(built.status == 0, "\(built.error)")
        }
        #expect(try packages(in: "out/c-p1.img") == names)
        #expect(
            try Card.sha256(of: folder.path + "/out/c-p2.img") == Card.sha256(of: folder.path + "/again/c-p2.img"))
        let verified = try piforge.run("verify", "out/c-p1.img")
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        #expect(try server.requests().count == count)
        let again = try piforge.run("build", "--output", "out")
        #expect(again.status == 0, "\(again.error)")
    }

    @Test("without a lock nothing is built, and plan says what is not known") func notFetched() async throws {
        try makeKey()
        try publish(Self.closure)
        try await makeBase()
        try writeProfile("packages: [probe]")
        let built = try piforge.run("build", "--output", "out")
        #expect(built.status == 69)
        #expect(
            built.error.contains(
                "could not use `packages`: nobody has found the files of probe for this image yet"), "\(built.error)")
        #expect(built.error.contains("piforge packages fetch"))
        let planned = try piforge.run("plan", "--slot", "p1")
        #expect(planned.status == 0)
        #expect(planned.error.contains("what `packages` brings is not known"), "\(planned.error)")
        try writeProfile("packages: [probe]", "network: true")
        let online = try piforge.run("build", "--output", "out")
        #expect(online.status == 0, "\(online.error)")
        #expect(try packages(in: "out/c-p1.img").count == 2)
    }

    @Test("what the archive changes is refused until it is accepted; what it no longer has is said")
    func changed() async throws {
        try makeKey()
        try publish(Self.closure)
        try await makeBase()
        try writeProfile("packages: [probe]")
        try #require(try piforge.run("packages", "fetch").status == 0)
        _ = try shell("rm -r \"$D/cache\"")
        let built = try piforge.run("build", "--output", "out")
        #expect(built.status == 69)
        #expect(built.error.contains("the files of probe are not in the cache"), "\(built.error)")
        var newer = Self.closure
        newer[1].version = "2.2"
        try publish(newer)
        let gone = try piforge.run("packages", "fetch")
        #expect(gone.status == 69)
        #expect(gone.error.contains("libprobe"), "\(gone.error)")
        let updated = try piforge.run("packages", "fetch", "--update")
        #expect(updated.status == 0, "\(updated.error)")
        #expect(updated.output.contains("libprobe_2.2_all.deb"))
        newer[1].files = ["usr/share/libprobe/x": "other bytes"]
        try publish(newer)
        _ = try shell("rm -r \"$D/cache\"")
        let other = try piforge.run("packages", "fetch")
        #expect(other.status == 65)
        #expect(other.error.contains("the archive gives other files"), "\(other.error)")
    }

    @Test("docker.io gets what it only recommends and does not work without") func companions() async throws {
        try makeKey()
        try publish([
            DebianPackage("docker.io", version: "26.1", fields: ["Recommends: apparmor, docker-cli, git"]),
            DebianPackage("docker-cli", version: "26.1"), DebianPackage("apparmor", version: "3"),
            DebianPackage("git", version: "2"),
        ])
        try await makeBase()
        try writeProfile("packages: [docker.io]")
        let fetched = try piforge.run("packages", "fetch")
        try #require(fetched.status == 0, "\(fetched.error)")
        #expect(
            fetched.output.split(separator: "\n").map { String($0.dropFirst(66)) } == [
                "apparmor_3_armhf.deb", "docker-cli_26.1_armhf.deb", "docker.io_26.1_armhf.deb",
            ])
        #expect(fetched.error.contains("docker-cli and apparmor are added"), "\(fetched.error)")
        #expect(fetched.error.contains("docker.io recommends git: left out"), "\(fetched.error)")
    }

    @Test("profiles/sg1.yaml needs what its first lines say, and nothing else") func article() async throws {
        try makeKey()
        let programs = ["usr/sbin/dockerd", "usr/bin/docker", "usr/bin/containerd"]
        var units = ["docker.socket": "[Socket]\nListenStream=/run/docker.sock\n[Install]\nWantedBy=sockets.target\n"]
        for (name, program) in [("docker.service", "sbin/dockerd"), ("containerd.service", "bin/containerd")] {
            units[name] = "[Service]\nExecStart=/usr/\(program)\n[Install]\nWantedBy=multi-user.target\n"
        }
        let files =
            programs.map { ($0, "#!/bin/sh\n") } + units.map { ("usr/lib/systemd/system/" + $0.key, $0.value) }
        try publish([DebianPackage("docker.io", version: "26.1", files: Dictionary(uniqueKeysWithValues: files))])
        try await makeBase(slot: "cnat")
        _ = try shell(
            """
            cp -r '\(Repository.path)/profiles' "$D/profiles"
            cd "$D/profiles"
            mkdir -m 700 secrets
            (umask 077; echo token > secrets/cf_token; echo password > secrets/code_password)
            mkdir -m 700 "$D/home/.ssh"
            echo '\(Self.key)' > "$D/home/.ssh/id_ed25519.pub"
            """)
        let home = ["HOME": folder.path + "/home"]
        let made = try piforge.run("identity", "new", "--profile", "profiles/sg1.yaml", environment: home)
        try #require(made.status == 0, "\(made.error)")
        let built = try piforge.run(
            "build", "--slot", "all", "--profile", "profiles/sg1.yaml", "--base", "base/base-cnat.img", "--output",
            "out",
            environment: home)
        try #require(built.status == 0, "\(built.error)")
        #expect(try server.requests().filter { $0.contains("docker.io_26.1") }.count == 1)
        for (slot, hostname) in [("cnat", "hammond"), ("p3", "tealc")] {
            let root = try CardTree(try Card(folder.path + "/out/sg1-\(slot).img")).root
            #expect(root.keys.contains { $0.hasSuffix("/docker.io_26.1_armhf.deb") }, "\(slot)")
            #expect(root["etc/hostname"]?.bytes == Data((hostname + "\n").utf8))
            #expect((root["etc/piforge/swarm/stacks/traefik.yaml"] != nil) == (slot == "cnat"), "\(slot)")
        }
        let told = try piforge.run("inspect", "out/sg1-cnat.img")
        let planned = try piforge.run(
            "plan", "--slot", "p3", "--profile", "profiles/sg1.yaml", "--base", "base/base-cnat.img", environment: home)
        #expect(planned.output.contains("docker.io_26.1_armhf.deb  (packages: installed"), "\(planned.output)")
        #expect(told.output.contains("installs a package from the card: docker.io"), "\(told.output)")
    }

    // MARK: What is refused

    @Test("an archive without a signature, with another key's, or one that need not be signed") func signatures()
        async throws
    {
        try makeKey()
        try publish(Self.closure, isSigned: false)
        try await makeBase()
        try writeProfile("packages: [probe]")
        let unsigned = try piforge.run("packages", "fetch")
        #expect(unsigned.status == 69)
        #expect(unsigned.error.contains("is not signed"), "\(unsigned.error)")
        try publish(Self.closure)
        try await makeBase(options: "trusted=yes")
        let trusted = try piforge.run("packages", "fetch")
        #expect(trusted.status == 65)
        #expect(
            trusted.error.contains(
                "/etc/apt/sources.list of the image takes an archive without its signature (trusted)"),
            "\(trusted.error)")
    }

    @Test(
        "an address for which apt would run something else", arguments: ["copy:/srv", "ssh://host/srv", "cdrom:[x]/"])
    func otherMethods(address: String) async throws {
        try makeKey()
        try await makeBase(address: address)
        try writeProfile("packages: [probe]")
        let answer = try piforge.run("packages", "fetch")
        #expect(answer.status == 65)
        #expect(answer.error.contains("of the image names \(address), and only archives of http"), "\(answer.error)")
    }

    @Test("a package that no archive has") func unknown() async throws {
        try makeKey()
        try publish(Self.closure)
        try await makeBase()
        try writeProfile("packages: [nothing]")
        let answer = try piforge.run("packages", "fetch")
        #expect(answer.status == 69)
        #expect(answer.error.contains("E: Unable to locate package nothing"), "\(answer.error)")
    }
}
