import Foundation
import Glibc
import TestSupport
import Testing
import Trees
import Volumes

/// What programs of an image can do to the machine that builds: nothing. Tests/Fixtures/redteam.c has the tries.
@Suite(.serialized, .needs("mke2fs", "e2fsck", "losetup", "gcc", "busybox"))
struct SandboxTests {
    init() throws { try MountedMedium.require(.ext4) }

    /// Tries that must come through without a sandbox, on every kernel that has what they need: else they prove nothing.
    private static let real: Set<String> = [
        "bind_mount", "change_root", "chroot_trick", "core_pattern", "disk_of_the_image", "file_by_handle",
        "host_name", "host_name_file", "kernel_log", "keys", "line_discipline", "make_disk", "make_memory",
        "memory_of_others", "more_capabilities", "mount_devices", "mount_memory", "mount_processes", "mount_system",
        "new_mount_calls", "new_namespace", "open_files", "other_devices", "packets", "processes_outside",
        "remount_writable", "roots_of_others", "set_clock", "set_user_bit", "swap", "system_folder", "trace_itself",
        "uncover", "unrandomised", "vm_switches",
    ]

    private func tries(_ text: String) -> [String: String] {
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let words = line.split(separator: " ").map(String.init)
            return words.count == 2 && ["held", "escaped"].contains(words[1]) ? (words[0], words[1]) : nil
        }
        return Dictionary(pairs) { first, _ in first }
    }

    @Test("no known way leads out", arguments: [false, true])
    func redTeam(hasNetwork: Bool) throws {
        if hasNetwork { try requireNetwork() }
        let image = try ProgramImage()
        let listener = try Listener()
        #expect(try image.run("/redteam \(listener.name) \(listener.port)", hasNetwork: hasNetwork) == .ended(0))
        let found = tries(try image.printed)
        #expect(found.filter { $0.value != "held" }.isEmpty)
        #expect(Set(found.keys).isSuperset(of: Self.real) && found.count >= 60)
        try image.close()
    }

    @Test("the same tries lead out of a mere chroot", .needs("unshare", "mount", "chroot"))
    func control() throws {
        let image = try ProgramImage()
        try image.root.close()
        let listener = try Listener()
        let script = """
            mount -o loop \(image.folder.path)/root.img /mnt && cd /mnt && mount -t proc x proc &&
            mount --rbind /sys sys && mount --rbind /dev dev && exec chroot . /redteam \(listener.name) \(listener.port)
            """
        let answer = try Shell.run("unshare", ["--mount", "sh", "-c", script])
        #expect(answer.status == 0, "\(answer.error)")
        let escaped = Set(tries(answer.output).filter { $0.value == "escaped" }.keys)
        #expect(Self.real.subtracting(escaped) == [])
        #expect(escaped.isSuperset(of: ["socket_of_the_machine", "loopback_of_the_machine"]))
    }

    @Test("memory and processes have an end")
    func resources() throws {
        let image = try ProgramImage()
        let limits = SandboxedProgram.Limits(memory: 64 << 20, processes: 32)
        let hungry = "x=0123456789; while :; do x=$x$x; done"
        #expect(try image.run(hungry, limits: limits) != .ended(0))
        let many = "for n in $(seq 100); do sleep 100 & done; echo all"
        #expect(try image.run(many, limits: limits) != .ended(0))
        #expect(try !image.printed.contains("all"))
        // The machine is well.
        #expect(try image.run("echo after", limits: limits) == .ended(0))
        try image.close()
    }

    @Test("whatever it does, it ends when its time is over, and with all that it started")
    func time() throws {
        let image = try ProgramImage()
        let stubborn = "/redteam --stay & exec /redteam --stay"
        let limits = SandboxedProgram.Limits(memory: 1 << 30, seconds: 1)
        #expect(try image.run(stubborn, limits: limits) == .tookTooLong)
        let start = ContinuousClock.now
        #expect(
            try image.run(stubborn, isCancelled: { ContinuousClock.now - start > .milliseconds(200) }) == .cancelled)
        #expect(try Shell.run("pgrep", ["-f", "redteam --stay"]).output == "")
        try image.close()
    }

    @Test("what it prints has an end, and it can open its output again")
    func output() throws {
        let image = try ProgramImage()
        var limits = SandboxedProgram.Limits.standard
        limits.output = 100
        #expect(try image.run("echo one > /dev/stderr; seq 100000", limits: limits) == .ended(0))
        let text = try image.printed
        #expect(text.hasPrefix("one\n"))
        #expect(text.hasSuffix("\n[what it printed after this was dropped]\n") && text.utf8.count < 200)
        try image.close()
    }

    @Test("owners and capabilities of files are on the disk as they would be on a Pi")
    func owners() throws {
        let image = try ProgramImage()
        let script = "touch /root/a; /redteam --own /root/a; touch /root/b; ls -ln /root"
        #expect(try image.run(script) == .ended(0))
        let a = try #require(try image.root.node(at: "/root/a"))
        #expect(a.metadata.owner == 33 && a.metadata.group == 34)
        // cap_net_raw+ep of version 2, which a Pi's kernel heeds.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(a.metadata.extendedAttributes["security.capability"] == capability)
        let b = try #require(try image.root.node(at: "/root/b"))
        #expect(b.metadata.owner == 0 && b.metadata.group == 0)
        try image.close()
    }

    @Test("a folder that was made a link is not followed", arguments: ["proc", "dev", "run", "sys", "boot"])
    func traps(name: String) throws {
        let image = try ProgramImage("rmdir \(name); ln -s tmp \(name)")
        let boot = try ProgramImage()
        let program = SandboxedProgram(
            ["/bin/sh"], environment: [], hostname: "p3", hasNetwork: false, emulator: nil)
        #expect(
            throws: MountError.unavailable(
                "the kernel would not start a program inside the image: /\(name): too many levels of symbolic links")
        ) {
            try program.run(
                in: image.root, boot: boot.root, at: "/boot", output: image.log.descriptor, isCancelled: { false })
        }
        try boot.close()
        try image.close()
    }

    @Test("with a network it reaches what other machines would reach, by an interface of its own")
    func network() throws {
        try requireNetwork()
        let image = try ProgramImage()
        #expect(try image.run("cat /proc/net/dev", hasNetwork: true) == .ended(0))
        let own = try image.printed.split(separator: "\n").dropFirst(2).map { $0.split(separator: ":")[0] }
        #expect(Set(own.map { $0.filter { $0 != " " } }) == ["lo", "tap0"])
        try image.close()
        #expect(try !Shell.run("pgrep", ["-a", "slirp4netns"]).output.contains("/proc/\(getpid())"))
    }

    private func requireNetwork() throws {
        var obstacle: MountError?
        do throws(MountError) { try UserNetwork.check() } catch { obstacle = error }
        try ToolsTrait.require(obstacle == nil, "programs get no network here: \(obstacle.map { "\($0)" } ?? "")")
    }
}

/// What services of the machine often have: an abstract socket and a port of the loopback device.
private final class Listener {
    let name = "piforge-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    private(set) var port: UInt16 = 0
    private var descriptors: [Int32] = []

    init() throws {
        let local = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            // After a zero: a name in no folder (unix(7)).
            for (index, byte) in name.utf8.enumerated() { bytes[index + 1] = byte }
        }
        let length = MemoryLayout<sa_family_t>.size + 1 + name.utf8.count
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(local, $0, socklen_t(length)) }
        }
        try #require(isBound == 0 && listen(local, 8) == 0)
        let remote = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(remote, $0, size) == 0 && listen(remote, 8) == 0 && getsockname(remote, $0, &size) == 0
            }
        }
        try #require(isOpen)
        port = UInt16(bigEndian: place.sin_port)
        descriptors = [local, remote]
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
}
