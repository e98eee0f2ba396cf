import Foundation
import TestSupport
import Testing

/// Trees put where a controller serves them, its root a folder of ours.
@Suite(.needsRoot, .needs(BaseSpec.tools + ["tar", "sha256sum", "timeout", "unshare"]))
struct NetbootInstallTests {
    private let root: TemporaryFolder
    private let piforge: Piforge
    private var nfs: String { root.path + "/var/lib/clusterctrl/nfs" }

    init() throws {
        root = try TemporaryFolder()
        piforge = Piforge(folder: root.path)
        try write("# mine\n/srv *(ro)\n/var/lib/clusterctrl/nfs/p1 *(ro)\n", to: "etc/exports")
        try write("lo: 1 2 3\n", to: "proc/net/dev")
        try write("  sl  local_address rem_address   st\n", to: "proc/net/tcp")
        try FileManager.default.createDirectory(atPath: nfs + "/p1", withIntermediateDirectories: true)
    }

    private func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: root.path + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: root.path + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func install(_ slots: String, _ options: String...) async throws -> Piforge.Answer {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        return try piforge.run(["netboot", "install", "--root", root.path, "--slot", slots, "--base", base] + options)
    }

    /// All that GNU tar sees of a tree.
    private func account(of slot: String) throws -> String {
        let told = try Shell.run(
            "sh",
            [
                "-c",
                "tar --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' "
                    + "--pax-option=delete=atime,delete=ctime -C '\(nfs)/\(slot)' -cf - . | sha256sum",
            ])
        try #require(told.status == 0, "\(told.error)")
        return told.output
    }

    @Test("trees, exports and boot folder; a second run keeps what it is told to and nothing else")
    func again() async throws {
        let first = try await install("p1-p2")
        try #require(first.status == 0, "\(first.error)")
        #expect(first.output == "\(nfs)/p1\n\(nfs)/p2\n")
        #expect(first.error.contains("note: 2 netboot trees need at most "), "\(first.error)")
        #expect(text("var/lib/clusterctrl/nfs/p2/etc/hostname") == "p2\n")
        let access = "(rw,sync,no_subtree_check,no_root_squash)\n"
        #expect(
            text("etc/exports") == "# mine\n/srv *(ro)\n/var/lib/clusterctrl/nfs/p1 172.19.180.1\(access)"
                + "/var/lib/clusterctrl/nfs/p2 172.19.180.2\(access)")
        let link = try FileManager.default.destinationOfSymbolicLink(
            atPath: root.path + "/var/lib/clusterctrl/boot/bootcode.bin")
        #expect(link.hasSuffix("/bootcode.bin"))
        let whole = try account(of: "p1")

        try write("kept", to: "var/lib/clusterctrl/nfs/p1/opt/app/data/file")
        try write("kept as well", to: "var/lib/clusterctrl/nfs/p1/etc/motd")
        try write("lost", to: "var/lib/clusterctrl/nfs/p1/etc/stray")
        let second = try await install("p1", "--keep", "/opt/app/data", "/etc/motd", "--keep", "/srv/nothing")
        try #require(second.status == 0, "\(second.error)")
        #expect(text("var/lib/clusterctrl/nfs/p1/opt/app/data/file") == "kept")
        #expect(text("var/lib/clusterctrl/nfs/p1/etc/motd") == "kept as well")
        #expect(text("var/lib/clusterctrl/nfs/p1/etc/stray") == nil)
        #expect(second.error.contains("note: p1: /srv/nothing is not in the old tree"), "\(second.error)")
        #expect(try await install("p1").status == 0)
        #expect(try account(of: "p1") == whole)
        let clash = try await install("p2", "--keep", "/")
        #expect(clash.status == 64)
    }

    @Test("the tree of a running node stays, unless told otherwise")
    func running() async throws {
        try write("lo: 1 2 3\nethupi1: 1 2 3\n", to: "proc/net/dev")
        try write("old", to: "var/lib/clusterctrl/nfs/p1/mark")
        let refused = try await install("p1-p2")
        #expect(refused.status == 73)
        #expect(
            refused.error.hasPrefix(
                "error: could not replace the tree of p1: the node is running: its USB link ethupi1 is up\n"),
            "\(refused.error)")
        #expect(text("var/lib/clusterctrl/nfs/p1/mark") == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: nfs) == ["p1"])
        #expect(try await install("p2").status == 0)
        #expect(try await install("p1", "--running").status == 0)
        #expect(text("var/lib/clusterctrl/nfs/p1/mark") == nil)
    }

    @Test("without room nothing is begun")
    func noRoom() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let answer = try Shell.run(
            "unshare",
            [
                "-m", "sh", "-c",
                """
                mount -t tmpfs -o size=2m tmpfs '\(nfs)' && mkdir '\(nfs)/p1' && echo old > '\(nfs)/p1/mark' || exit 99
                XDG_CACHE_HOME='\(Piforge.sharedCache)' '\(Piforge.program)' netboot install --root '\(root.path)' \
                --slot p1 --base '\(base)'
                status=$?
                [ "$(ls '\(nfs)')" = p1 ] && [ "$(cat '\(nfs)/p1/mark')" = old ] || exit 98
                exit $status
                """,
            ])
        #expect(answer.status == 73, "\(answer.error)")
        #expect(answer.error.contains("error: could not install netboot trees: "), "\(answer.error)")
        #expect(answer.error.contains(" are free\nhint:  install fewer at a time"), "\(answer.error)")
    }

    @Test("a write that fails half-way leaves the old tree whole")
    func failure() async throws {
        try #require(try await install("p1").status == 0)
        try Data(repeating: 7, count: 8 << 20).write(to: URL(fileURLWithPath: nfs + "/p1/home/pi/large"))
        let before = try account(of: "p1")
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        // 5 MB a file is enough for all but the one that is kept.
        let answer = try Shell.run(
            "sh",
            [
                "-c",
                """
                trap '' XFSZ; ulimit -f 10000
                XDG_CACHE_HOME='\(Piforge.sharedCache)' '\(Piforge.program)' netboot install --root '\(root.path)' \
                --slot p1 --base '\(base)' --keep /home/pi
                """,
            ])
        #expect(answer.status == 73 || answer.status == 74, "\(answer.error)")
        #expect(answer.error.contains("/p1/home/pi/large"), "\(answer.error)")
        #expect(try account(of: "p1") == before)
        #expect(!FileManager.default.fileExists(atPath: nfs + "/p1.partial"))
    }

    @Test("a run that is killed leaves the old tree or the new one, whole, and the next one finishes")
    func killed() async throws {
        try #require(try await install("p1").status == 0)
        let new = try account(of: "p1")
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        for delay in ["0.05", "0.2", "0.4", "0.8"] {
            try write("old", to: "var/lib/clusterctrl/nfs/p1/mark")
            let old = try account(of: "p1")
            _ = try Shell.run(
                "timeout",
                [
                    "--foreground", "-s", "KILL", delay, Piforge.program, "netboot", "install", "--root", root.path,
                    "--slot", "p1", "--base", base,
                ], environment: ["XDG_CACHE_HOME": Piforge.sharedCache])
            let found = try account(of: "p1")
            #expect(found == old || found == new, "killed after \(delay) s")
        }
        #expect(try await install("p1").status == 0)
        #expect(try account(of: "p1") == new)
        #expect(!FileManager.default.fileExists(atPath: nfs + "/p1.partial"))
    }

    /// The root that a node's kernel line names, of those that are there.
    private func sharedRoot(of slot: String) throws -> String? {
        let line = try #require(text("var/lib/clusterctrl/nfs/\(slot)/boot/firmware/cmdline.txt"))
        guard let word = line.split(separator: " ").first(where: { $0.hasPrefix("netboot.lower=") }) else { return nil }
        let path = String(word.dropFirst("netboot.lower=".count))
        try #require(path.hasPrefix("/var/lib/clusterctrl/nfs/shared-"))
        #expect(text(path + "/etc/os-release") != nil, "\(path) is not there")
        return path
    }

    private func exportedRoots() throws -> [String] {
        try #require(text("etc/exports")).split(separator: "\n").filter { $0.contains("/shared") }.map(String.init)
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: nfs).filter { !$0.hasSuffix(".json") }.sorted()
    }

    @Test("nodes share a root, and it stays until the last of them has another one")
    func shared() async throws {
        try write(
            "# mine\n/var/lib/clusterctrl/nfs/shared *(ro)\n/var/lib/clusterctrl/nfs/shared2 *(ro)\n", to: "etc/exports"
        )
        let shared = "var/lib/clusterctrl/nfs/shared"
        try write("a root that came with the card\n", to: shared + "/etc/os-release")
        try write(
            "root=/dev/nfs netboot.lower=/\(shared)\n", to: "var/lib/clusterctrl/nfs/p1/boot/firmware/cmdline.txt")
        let first = try await install("p1-p2", "--layout", "shared", "--upper", "256M")
        try #require(first.status == 0, "\(first.error)")
        #expect(first.output == "\(nfs)/p1\n\(nfs)/p2\n")
        let one = try #require(try sharedRoot(of: "p1"))
        let access = "172.19.180.0/24(ro,sync,no_subtree_check,no_root_squash)"
        #expect(try sharedRoot(of: "p2") == one)
        #expect(text("var/lib/clusterctrl/nfs/p2/files/etc/hostname") == "p2\n")
        #expect(try names() == ["p1", "p2", String(one.dropFirst("/var/lib/clusterctrl/nfs/".count))])
        #expect(try exportedRoots() == ["/var/lib/clusterctrl/nfs/shared2 *(ro)", "\(one) \(access)"])
        #expect(try #require(text("var/lib/clusterctrl/nfs/p1.manifest.json")).contains("\"slot\" : \"p1\""))

        let keeping = try await install("p1", "--layout", "shared", "--keep", "/home/pi")
        #expect(keeping.status == 65)
        #expect(keeping.error.contains("p1: it shares its root"), "\(keeping.error)")

        // One of two nodes leaves, for a new root and then for its own.
        try write("ext4", to: "var/lib/clusterctrl/nfs/p1/upper/upper.ext4")
        let second = try await install("p1", "--layout", "shared")
        try #require(second.status == 0, "\(second.error)")
        #expect(second.error.contains("note: p1: what the node has written over its shared root goes"))
        let two = try #require(try sharedRoot(of: "p1"))
        #expect(two != one)
        #expect(try sharedRoot(of: "p2") == one)
        #expect(try Set(exportedRoots().dropFirst()) == ["\(one) \(access)", "\(two) \(access)"])
        try write("mine\n", to: "var/lib/clusterctrl/nfs/p1/files/home/pi/note")
        try #require(try await install("p1").status == 0)
        #expect(try sharedRoot(of: "p1") == nil)
        #expect(text("var/lib/clusterctrl/nfs/p1/etc/hostname") == "p1\n")
        #expect(text(two + "/etc/os-release") == nil)
        #expect(try sharedRoot(of: "p2") == one)

        // What a node with its own root kept goes with it.
        try write("kept", to: "var/lib/clusterctrl/nfs/p1/home/pi/note")
        let third = try await install("p1-p2", "--layout", "shared", "--keep", "/home/pi/note")
        #expect(third.status == 65, "\(third.error)")
        try #require(try await install("p2").status == 0)
        #expect(try names() == ["p1", "p2"])
        #expect(try exportedRoots() == ["/var/lib/clusterctrl/nfs/shared2 *(ro)"])
        let fourth = try await install("p1-p2", "--layout", "shared", "--keep", "/home/pi/note")
        try #require(fourth.status == 0, "\(fourth.error)")
        #expect(text("var/lib/clusterctrl/nfs/p1/files/home/pi/note") == "kept")
        let verified = try piforge.run("verify", nfs, "--slot", "p2")
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
    }

    @Test("what a node wrote over a shared root stays when it is told to")
    func keptUpper() async throws {
        let sharing = ["--layout", "shared", "--upper", "256M"]
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let arguments = ["netboot", "install", "--root", root.path, "--slot", "p1-p2", "--base", base]
        let useless = try piforge.run(arguments + ["--keep-upper", "--layout", "shared"])
        #expect(useless.status == 64, "\(useless.error)")
        try #require(try piforge.run(arguments + sharing).status == 0)
        let old = try #require(try sharedRoot(of: "p1"))
        try write("changes", to: "var/lib/clusterctrl/nfs/p1/upper/upper.ext4")
        let answer = try piforge.run(arguments + sharing + ["--keep-upper"])
        try #require(answer.status == 0, "\(answer.error)")
        #expect(!answer.error.contains("goes with its old part"))
        #expect(text("var/lib/clusterctrl/nfs/p1/upper/upper.ext4") == "changes")
        #expect(!FileManager.default.fileExists(atPath: nfs + "/p2/upper"))
        #expect(try sharedRoot(of: "p1") != old)
        let links = try Shell.run("stat", ["-c", "%h", nfs + "/p1/upper/upper.ext4"]).output
        #expect(links == "1\n")
    }

    @Test("the node must be one that this controller knows")
    func unknownToTheController() async throws {
        try write(
            """
            SUBSYSTEM=="net", ENV{ID_VENDOR_ID}=="3171", ENV{ID_MODEL_ID}=="0001", NAME="ethupi1"

            """, to: "etc/udev/rules.d/90-clusterctrl.rules")
        let answer = try await install("p1")
        #expect(answer.status == 65)
        #expect(answer.error.contains("the controller is too old, its 90-clusterctrl.rules"), "\(answer.error)")
        #expect(try names() == ["p1"])
    }

    @Test("a folder that is called shared and is no root stays")
    func notARoot() async throws {
        let line = "/var/lib/clusterctrl/nfs/shared *(ro)"
        try write(line + "\n", to: "etc/exports")
        try write("mine", to: "var/lib/clusterctrl/nfs/shared/film")
        for layout in ["full", "shared"] {
            let answer = try await install("p1", "--layout", layout)
            try #require(answer.status == 0, "\(answer.error)")
            #expect(text("var/lib/clusterctrl/nfs/shared/film") == "mine")
            #expect(try exportedRoots().first == line)
        }
    }

    @Test("nodes with a shared root have an old one or a new one, wherever a run is killed")
    func killedSharing() async throws {
        try #require(try await install("p1-p2", "--layout", "shared").status == 0)
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        for delay in ["0.1", "0.3", "0.5", "0.7", "0.9"] {
            _ = try Shell.run(
                "timeout",
                [
                    "--foreground", "-s", "KILL", delay, Piforge.program, "netboot", "install", "--root", root.path,
                    "--slot", "p1-p2", "--base", base, "--layout", "shared",
                ], environment: ["XDG_CACHE_HOME": Piforge.sharedCache])
            for slot in ["p1", "p2"] {
                #expect(try sharedRoot(of: slot) != nil, "killed after \(delay) s")
                #expect(text("var/lib/clusterctrl/nfs/\(slot)/files/etc/hostname") == "\(slot)\n")
            }
        }
        try #require(try await install("p1-p2", "--layout", "shared").status == 0)
        let used = try #require(try sharedRoot(of: "p1"))
        #expect(try sharedRoot(of: "p2") == used)
        #expect(try names() == ["p1", "p2", String(used.dropFirst("/var/lib/clusterctrl/nfs/".count))])
        #expect(try exportedRoots().count == 1)
    }

    @Test("a folder that is no controller's root is refused")
    func elsewhere() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let other = try TemporaryFolder()
        let answer = try piforge.run("netboot", "install", "--root", other.path, "--slot", "p1", "--base", base)
        #expect(answer.status == 69)
        #expect(
            answer.error == """
                error: could not install netboot trees: \(other.path)/var/lib/clusterctrl/nfs is no folder
                hint:  run it on a CNAT or CBRIDGE controller, or name its root folder with --root

                """)
    }
}
