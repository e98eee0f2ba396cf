import Foundation
import TestSupport
import Testing

/// The first boot's programs as they come out of a built image, run with a real dpkg and killed at any moment.
@Suite(
    .serialized, .needsRoot,
    .needs(BaseSpec.tools + FirstBootSystem.tools + ["dpkg-deb", "shellcheck", "systemd-analyze"]))
struct PackageInstallTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private static let installer = "/usr/local/lib/piforge/install-packages"
    private static let runner = "/usr/local/lib/piforge/first-boot"
    private static let packagesLog = "boot/firmware/piforge-packages.log"
    private static let commandsLog = "boot/firmware/piforge-first-boot.log"

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    /// A service's package, one that it needs first, and some more, whose scripts take their time.
    private static let packages: [DebianPackage] = {
        let slow = "sleep 0.1; echo \"configured $DPKG_MAINTSCRIPT_PACKAGE $2\" >> /var/log/probe"
        let service = """
            \(slow)
            code=0; /usr/sbin/policy-rc.d probed start || code=$?; echo $code >> /var/log/probe-policy
            ln -sf /lib/systemd/system/probed.service /etc/systemd/system/multi-user.target.wants/probed.service
            """
        let many = Dictionary(
            uniqueKeysWithValues: (0..<40).map { ("usr/share/piforge-probe/file\($0)", "text \($0)\n") })
        return [
            DebianPackage(
                "piforge-probe", architecture: "all",
                fields: ["Pre-Depends: piforge-probe-early", "Depends: piforge-probe-library (>= 2)"], files: many,
                scripts: ["postinst": service, "preinst": "sleep 0.05"]),
            DebianPackage("piforge-probe-early", architecture: "all", scripts: ["postinst": slow]),
            DebianPackage(
                "piforge-probe-library", version: "2:2.0~rc1-1", architecture: "all",
                files: ["etc/piforge-probe.conf": "value=1\n", "usr/share/piforge-probe-library/x": "x\n"],
                scripts: ["postinst": slow, "preinst": "sleep 0.05"]),
        ]
    }()

    /// The images' fixture has few packages: these need nothing of it.
    private func system(_ lines: String...) async throws -> FirstBootSystem {
        for package in Self.packages { try package.make(in: folder.path + "/debs") }
        let text = "version: 1\ncluster: c\ndefaults:\n" + lines.map { "  \($0)\n" }.joined() + "slots: {p1: }\n"
        try Shell.write(Array(text.utf8), to: folder.path + "/piforge.yaml")
        let built = try piforge.run("build", "--base", try await BaseSpec.plain.path(), "--output", "out", "--force")
        try #require(built.status == 0, "\(built.error)")
        return try FirstBootSystem(filesOf: folder.path + "/out/c-p1.img")
    }

    private func expectInstalled(_ system: FirstBootSystem) throws {
        for package in Self.packages {
            let told = try system.run("dpkg-query", "-W", "-f=${db:Status-Abbrev}${Version}", package.name)
            #expect(told.output == "ii \(package.version)", "\(package.name)")
            #expect(try system.run("dpkg", "--verify", package.name).output == "")
        }
        #expect(try system.run("dpkg", "--audit").output == "")
        #expect(system.text("usr/share/piforge-probe/file39") == "text 39\n")
    }

    private func expectNothingLeft(_ system: FirstBootSystem, policy: String?) {
        #expect(system.text("usr/sbin/policy-rc.d") == policy)
        for path in [
            "usr/sbin/policy-rc.d.new", "var/lib/piforge", "usr/local/lib/piforge",
            "etc/systemd/system/piforge-packages.service",
            "etc/systemd/system/multi-user.target.wants/piforge-packages.service",
        ] {
            #expect(!system.exists(path), "\(path)")
        }
        #expect(system.names("run").filter { $0.hasPrefix("piforge") } == [])
    }

    @Test("packages are installed once, and what they want at boot is started then")
    func installs() async throws {
        let system = try await system("debs: [debs]")
        system.remove("usr/sbin/policy-rc.d")
        let ran = try system.run(Self.installer)
        #expect(ran.status == 0, "\(ran.output)\(ran.error)")
        try expectInstalled(system)
        expectNothingLeft(system, policy: nil)
        #expect(
            system.text("var/log/probe")?.split(separator: "\n").map { $0.split(separator: " ")[1] }
                == ["piforge-probe-early", "piforge-probe-library", "piforge-probe"])
        #expect(system.text("var/log/probe-policy") == "101\n")
        #expect(system.text("var/log/systemctl") == "--no-block start probed.service\n")
        let log = try #require(system.text(Self.packagesLog))
        #expect(log.hasPrefix("piforge: installing packages, 3 in all\n"))
        #expect(log.hasSuffix("piforge: installed packages, 3 in all\n"))
        #expect(log.contains("Setting up piforge-probe (1.0)"))
        #expect(ran.output.contains("Setting up piforge-probe (1.0)"))
    }

    @Test("killed again and again, with a policy of the user's or none", arguments: ["#!/bin/sh\nexit 104\n", nil])
    func killed(policy: String?) async throws {
        let system = try await system("debs: [debs]")
        system.remove("usr/sbin/policy-rc.d")
        if let policy { try system.write(policy, "usr/sbin/policy-rc.d", mode: 0o755) }
        var generator = SystemRandomNumberGenerator()
        var moments: [Double] = []
        while system.exists("usr/local/lib/piforge/install-packages"), moments.count < 60 {
            // Later and later, so that it comes to an end.
            let moment = Double.random(in: 0.02...(0.3 + 0.05 * Double(moments.count)), using: &generator)
            moments.append((moment * 1000).rounded() / 1000)
            _ = try system.run(Self.installer, killedAfter: moments[moments.count - 1])
        }
        #expect(moments.count < 60, "\(moments)\n\(system.text(Self.packagesLog) ?? "")")
        try expectInstalled(system)
        expectNothingLeft(system, policy: policy)
    }

    @Test("ended by a signal, it leaves the policy as it was") func terminated() async throws {
        let system = try await system("debs: [debs]")
        let policy = "#!/bin/sh\nexit 104\n"
        try system.write(policy, "usr/sbin/policy-rc.d", mode: 0o755)
        let script = "sh \(Self.installer) & sleep 0.3; kill -TERM $!; wait $!"
        #expect(try system.run("sh", "-c", script).status == 143)
        #expect(system.text("usr/sbin/policy-rc.d") == policy)
        #expect(system.exists("var/lib/piforge/packages"))
        #expect(try system.run(Self.installer).status == 0)
        try expectInstalled(system)
    }

    @Test("a package that fails is tried again at the next start, and the log says so") func failing() async throws {
        let system = try await system("debs: [debs]")
        system.remove("usr/sbin/policy-rc.d")
        try DebianPackage(
            "piforge-probe-early", architecture: "all", scripts: ["postinst": "[ -e /var/log/mended ]"]
        ).make(in: system.root + "/var/lib/piforge/packages/0")
        let failed = try system.run(Self.installer)
        #expect(failed.status == 1)
        #expect(system.text("usr/sbin/policy-rc.d") == nil)
        #expect(
            system.text(Self.packagesLog)?.hasSuffix(
                "piforge: could not install the packages; the next start tries again\n") == true)
        try system.write("", "var/log/mended")
        let ran = try system.run(Self.installer)
        #expect(ran.status == 0, "\(ran.output)")
        try expectInstalled(system)
    }

    @Test("a boot partition that takes no log keeps nothing from being installed") func noLog() async throws {
        let system = try await system("debs: [debs]")
        system.remove("boot/firmware")
        #expect(try system.run(Self.installer).status == 0)
        try expectInstalled(system)
    }

    @Test("commands run in order, once; one that fails is the first of the next start") func commands() async throws {
        let system = try await system(
            // The first one may be begun anew.
            "first_boot:", "  - echo one $HOME > /var/log/commands",
            "  - sleep 0.3; echo two >> /var/log/commands",
            "  - '[ -e /var/log/mended ] || { echo not yet; exit 7; }'", "  - echo four >> /var/log/commands")
        while system.text("var/log/commands")?.contains("one") != true {
            _ = try system.run(Self.runner, killedAfter: 0.15)
        }
        let failed = try system.run(Self.runner)
        #expect(failed.status == 1)
        #expect(failed.output.contains("not yet"))
        #expect(
            system.text(Self.commandsLog)?.hasSuffix(
                "not yet\npiforge: command 3 of 4 failed with status 7; the next start begins with it\n") == true)
        try system.write("", "var/log/mended")
        #expect(try system.run(Self.runner).status == 0)
        #expect(system.text("var/log/commands") == "one /root\ntwo\nfour\n")
        #expect(system.text(Self.commandsLog)?.hasSuffix("piforge: ran commands, 4 in all\n") == true)
        for path in ["var/lib/piforge", "usr/local/lib/piforge", "etc/systemd/system/piforge-first-boot.service"] {
            #expect(!system.exists(path))
        }
    }

    @Test("shellcheck and systemd have nothing against them") func judged() async throws {
        let system = try await system("debs: [debs]", "first_boot: [\"true\"]")
        for program in [Self.installer, Self.runner] {
            let told = try Shell.run("shellcheck", ["--shell=dash", system.root + program])
            #expect(told.status == 0, "\(told.output)")
        }
        for unit in ["piforge-packages.service", "piforge-first-boot.service"] {
            let told = try system.run("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/" + unit)
            #expect(told.status == 0 && !told.error.contains("piforge"), "\(told.error)")
        }
    }
}
