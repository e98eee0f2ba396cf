import Blocks
import Foundation
import Glibc
import Images
import Plans
import Reports
import Tables
import TestSupport
import Testing
import Trees
import Volumes

/// Programs inside images: what they see, what they leave, and that nothing outside is touched.
@Suite(.serialized, .needs("mke2fs", "e2fsck", "losetup"))
struct ProgramRunTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        var obstacle: MountError?
        do throws(MountError) { try MountedVolume.check(.ext4) } catch { obstacle = error }
        try ToolsTrait.require(obstacle == nil, "ext4 cannot be mounted here: \(obstacle.map { "\($0)" } ?? "")")
    }

    private static let status = """
        Package: base
        Status: install ok installed
        Architecture: armhf
        Version: 1:2.0-1
        Description: one
         Package: no

        Package: gone
        Status: deinstall ok config-files
        Version: 1

        """

    /// An ext4 with a busybox of this machine, which needs no emulator, and a boot partition that is one too.
    private func volumes() throws -> (root: MountedVolume, boot: MountedVolume) {
        let busybox = try #require(Shell.find("busybox"))
        let tree = folder.path + "/tree"
        let script = """
            set -e
            mkdir -p \(tree)/bin \(tree)/usr/bin \(tree)/usr/sbin \(tree)/etc \(tree)/tmp \(tree)/proc \(tree)/dev
            mkdir -p \(tree)/run \(tree)/boot/firmware \(tree)/var/lib/dpkg \(folder.path)/boot
            cp \(busybox) \(tree)/usr/bin/env
            for name in sh id hostname ls cat chown touch ln mknod sleep readlink; do ln -s ../usr/bin/env \(tree)/bin/$name; done
            ln -s ../run/resolv.conf \(tree)/etc/resolv.conf
            printf '#!/bin/sh\\necho "apt $*"\\nprintf "\\\\nPackage: new\\\\nStatus: install ok installed\\\\n" >> /var/lib/dpkg/status\\n' \
                > \(tree)/usr/bin/apt-get
            chmod 755 \(tree)/usr/bin/apt-get
            touch \(folder.path)/boot/config.txt
            """
        #expect(try Shell.run("sh", ["-c", script]).status == 0)
        try Shell.write(Array(Self.status.utf8), to: tree + "/var/lib/dpkg/status")
        for (name, source) in [("root", tree), ("boot", folder.path + "/boot")] {
            let made = try Shell.run(
                "mke2fs", ["-q", "-t", "ext4", "-d", source, "\(folder.path)/\(name).img", "24M"])
            try #require(made.status == 0, "\(made.error)")
        }
        return (try mounted("root"), try mounted("boot"))
    }

    private func mounted(_ name: String) throws -> MountedVolume {
        let file = try OpenFile(path: "\(folder.path)/\(name).img", flags: O_RDWR)
        return try MountedVolume(.ext4, of: file.descriptor, range: 0..<file.measuredByteCount(), sectorSize: 512)
    }

    private func settings(_ change: (inout Settings) -> Void) -> Settings {
        var settings = Settings()
        change(&settings)
        return settings
    }

    private func runs(_ settings: Settings) throws -> ProgramRun {
        let run = ProgramRun(.node(3), settings, logPath: folder.path + "/log", observe: { _ in })
        return try #require(run)
    }

    private func log() throws -> String { try String(contentsOfFile: folder.path + "/log", encoding: .utf8) }

    /// What of the machine must stay as it is.
    private func machine() throws -> [String] {
        let paths = ["/etc/resolv.conf", "/proc/sys/kernel/hostname"]
        let known = try Shell.run("ls", ["/proc/sys/fs/binfmt_misc"]).output
        let mounts = try MachineMounts.lines(including: folder.path).joined(separator: "\n")
        return try paths.map { try String(contentsOfFile: $0, encoding: .utf8) } + [known, mounts]
    }

    @Test("they are root in the image, see nothing else, and their changes stay", .needs("busybox"))
    func inside() throws {
        let (root, boot) = try volumes()
        let before = try machine()
        let wanted = settings {
            $0.packages = ["new", "other=1"]
            $0.hostname = "tealc"
            $0.commands = [
                "id -u; hostname; echo $$; cat /proc/net/dev", "ls /dev", "ls /boot/firmware",
                "cat /usr/sbin/policy-rc.d", "touch /tmp/x; chown 33:34 /tmp/x",
                "mknod /tmp/disk b 7 0 || echo refused",
                "readlink /etc/resolv.conf", "sleep 1000 &", "touch /usr/sbin/policy-rc.d",
            ]
        }
        let programs = try runs(wanted).run(root: root, boot: boot, at: 1_700_000_000)
        #expect(programs.packagesBefore == ["base:armhf=1:2.0-1"])
        #expect(programs.packagesAfter == ["base:armhf=1:2.0-1", "new:all="])
        #expect(programs.log == "log" && !programs.network)
        let text = try log()
        #expect(
            text.hasPrefix(
                "$ /usr/bin/apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install -- new other=1\n"))
        #expect(text.contains("apt -q -y") && text.contains("\n0\ntealc\n1\n") && !text.contains("eth0"))
        #expect(text.contains("\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\n") && !text.contains("loop"))
        #expect(text.contains("\nconfig.txt\n") && text.contains("exit 101") && text.contains("\nrefused\n"))
        #expect(text.contains("\n../run/resolv.conf\n"))
        var found = stat()
        #expect(stat(folder.path + "/log", &found) == 0 && found.st_mode & 0o777 == 0o600)

        #expect(try root.node(at: "/tmp/x")?.metadata.owner == 33)
        #expect(try root.node(at: "/usr/sbin/policy-rc.d") == nil)
        #expect(try root.entries(in: "/dev") == [])
        try root.close()
        try boot.close()
        #expect(try Shell.run("e2fsck", ["-fn", folder.path + "/root.img"]).status == 0)
        #expect(try machine() == before)
        #expect(try !Shell.run("losetup", ["-a"]).output.contains(folder.path))
    }

    @Test("one that fails ends it, with its last lines and nothing left behind", .needs("busybox"))
    func failure() throws {
        let (root, boot) = try volumes()
        let wanted = settings { $0.commands = ["echo first", "echo second; echo third >&2; exit 3", "echo never"] }
        let run = try runs(wanted)
        var failure: ForgeError?
        do throws(ForgeError) { _ = try run.run(root: root, boot: boot, at: 1) } catch { failure = error }
        #expect(failure?.kind == .badInput)
        #expect(
            failure?.message == """
                could not run `echo second; echo third >&2; exit 3` inside the image: it ended with status 3
                  $ echo first
                  first
                  $ echo second; echo third >&2; exit 3
                  second
                  third
                """)
        #expect(failure?.hint == folder.path + "/log has all that it printed")
        #expect(try !log().contains("never"))
        try root.close()
        try boot.close()
        #expect(try !Shell.run("losetup", ["-a"]).output.contains(folder.path))
    }

    @Test("with a network there is a resolver while they run, and afterwards what was there", .needs("busybox"))
    func network() throws {
        var obstacle: MountError?
        do throws(MountError) { try UserNetwork.check() } catch { obstacle = error }
        try ToolsTrait.require(obstacle == nil, "programs get no network here: \(obstacle.map { "\($0)" } ?? "")")
        let (root, boot) = try volumes()
        let wanted = settings {
            $0.network = true
            $0.commands = ["cat /etc/resolv.conf; cat /proc/net/dev"]
        }
        let programs = try runs(wanted).run(root: root, boot: boot, at: 1)
        #expect(programs.network)
        let text = try log()
        #expect(text.contains("\nnameserver 10.0.2.3\n") && text.contains(" tap0:") && !text.contains(" eth0:"))
        #expect(try root.node(at: "/etc/resolv.conf")?.content == .symlink("../run/resolv.conf"))
        try root.close()
        try boot.close()
    }

    @Test("one that is cancelled ends at once, with all that it started", .needs("busybox"))
    func cancelled() throws {
        let (root, boot) = try volumes()
        let file = try OpenFile(path: "/dev/null", flags: O_RDWR)
        let mark = "31\(getpid())"
        let program = SandboxedProgram(
            ["/bin/sh", "-c", "sleep \(mark) & sleep \(mark)"], environment: ["PATH=/bin"], hostname: "p3",
            hasNetwork: false, emulator: nil)
        let start = ContinuousClock.now
        let outcome = try program.run(
            in: root, boot: boot, at: "/boot/firmware", output: file.descriptor,
            isCancelled: { ContinuousClock.now - start > .milliseconds(300) })
        #expect(outcome == .cancelled)
        try root.close()
        try boot.close()
        #expect(try Shell.run("pgrep", ["-f", "sleep \(mark)"]).output == "")
        #expect(try !Shell.run("losetup", ["-a"]).output.contains(folder.path))
    }

    /// On a copy of the image that PIFORGE_REAL_BASE names (scripts/make-base --real), which is a Debian for armel.
    @Test(
        "a Zero's programs see an ARMv6, and dpkg installs a package", .needs("dpkg-deb", "cp"),
        .mustEnd)
    func emulated() throws {
        let named = ProcessInfo.processInfo.environment["PIFORGE_REAL_BASE"]
        try ToolsTrait.require(named != nil, of: .machine, "PIFORGE_REAL_BASE names no image")
        let base = try #require(named)
        do throws(MountError) { try Emulator.check() } catch {
            try ToolsTrait.require(false, of: .machine, "\(error)")
        }
        let (unused, boot) = try volumes()
        try unused.close()
        let copy = folder.path + "/real.img"
        #expect(try Shell.run("cp", ["--sparse=always", "--reflink=auto", base, copy]).status == 0)
        let partition = try PartitionTable.read(from: FileReader(path: copy)).partitions[1]
        let file = try OpenFile(path: copy, flags: O_RDWR)
        let root = try MountedVolume(.ext4, of: file.descriptor, range: partition.range, sectorSize: 512)
        try root.put(.init(content: .file(package()), metadata: .init(mode: 0o644)), at: "/root/piforge-probe.deb")
        let before = try machine()
        let wanted = settings {
            $0.commands = [
                "uname -m; cat /proc/self/uid_map; dpkg --print-architecture", "dpkg -i /root/piforge-probe.deb",
                "/usr/bin/piforge-probe", "env -i /bin/sh -c 'exec /usr/bin/uname -s'",
            ]
        }
        let programs = try runs(wanted).run(root: root, boot: boot, at: 1_700_000_000)
        #expect(try log().contains("\narmv6l\n") && log().contains("\narmel\n") && log().contains("\nprobe of 1.5\n"))
        #expect(Set(programs.packagesAfter).subtracting(programs.packagesBefore) == ["piforge-probe:all=1.5"])
        #expect(programs.packagesBefore.contains { $0.hasPrefix("bash:armel=") })
        try root.close()
        try boot.close()
        #expect(try machine() == before)
        let checked = try Shell.run("e2fsck", ["-fn", "\(copy)?offset=\(partition.range.lowerBound)"])
        #expect(checked.status == 0, "\(checked.output)")
    }

    /// A package whose program is made by its postinst, which dpkg runs.
    private func package() throws -> [UInt8] {
        let script = """
            set -e
            mkdir -p \(folder.path)/deb/DEBIAN
            cd \(folder.path)/deb/DEBIAN
            printf 'Package: piforge-probe\\nVersion: 1.5\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' > control
            printf '#!/bin/sh\\nset -e\\nprintf "#!/bin/sh\\\\necho probe of 1.5\\\\n" > /usr/bin/piforge-probe\\nchmod 755 /usr/bin/piforge-probe\\n' > postinst
            chmod 755 postinst
            dpkg-deb --root-owner-group -b \(folder.path)/deb \(folder.path)/probe.deb
            """
        let made = try Shell.run("sh", ["-c", script])
        try #require(made.status == 0, "\(made.error)")
        return Array(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/probe.deb")))
    }

    @Test("other engines refuse, and say what does it")
    func refused() async throws {
        let base = try await BaseSpec.plain.path()
        let piforge = Piforge(folder: folder.path)
        let answer = try piforge.run(
            "build", "--slot", "p3", "--base", base, "--set", "run=[uname -m]", "--output", "out")
        #expect(answer.status == 64)
        #expect(
            answer.error == """
                error: could not make slot p3: its `run` needs programs of the image to be run
                hint:  --engine loop runs it, as root; or let the Pi run it once: first_boot

                """)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
        let tree = try piforge.run("netboot", "--slot", "p3", "--base", base, "--set", "run=[uname -m]")
        #expect(tree.status == 64)
        #expect(tree.error.contains("let the nodes run it once: first_boot"))
        let plan = try piforge.run("plan", "--slot", "p3", "--base", base, "--set", "run=[uname -m]")
        #expect((plan.output + plan.error).contains("not known before it is run"))
    }
}
