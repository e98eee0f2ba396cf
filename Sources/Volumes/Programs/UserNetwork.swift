import Blocks
import Glibc

/// A network for programs in the sandbox: that of this machine as any other machine beside it would have it.
///
/// slirp4netns(1) makes connections on their behalf, so that they have neither an interface of this machine nor its
/// loopback addresses and abstract sockets, where services often ask for no password. It ends with this object or with
/// the process.
package struct UserNetwork: ~Copyable {
    private let process: pid_t
    /// It ends when the last writer has closed this.
    private let life: Pipe

    /// Where it answers questions for names (slirp4netns(1)).
    package static let resolver = "10.0.2.3"

    /// The program; throws when it is not installed.
    static func program() throws(MountError) -> String {
        let candidates = ["/usr/bin", "/usr/local/bin", "/bin"].map { "\($0)/slirp4netns" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw .unavailable("there is no slirp4netns, which `network: true` takes (apt install slirp4netns)")
        }
        return path
    }

    /// Throws what keeps programs from having a network here.
    package static func check() throws(MountError) {
        _ = try program()
        guard access("/dev/net/tun", F_OK) == 0 else {
            throw .unavailable("there is no /dev/net/tun, which `network: true` takes (modprobe tun)")
        }
    }

    /// Gives the network namespace of a process an interface tap0, and returns when it works.
    static func start(for target: pid_t) throws(MountError) -> UserNetwork {
        try check()
        let arguments = [
            try program(), "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox",
            "--enable-seccomp", "--ready-fd=3", "--exit-fd=4", "--netns-type=path", "/proc/\(target)/ns/net", "tap0",
        ]
        let ready = try Pipe()
        let words = try Pipe()
        let life = try Pipe()
        let process = try spawn(
            arguments,
            [(words.writerNumber, 1), (words.writerNumber, 2), (ready.writerNumber, 3), (life.reader.number, 4)])
        let network = UserNetwork(process: process, life: life)
        try wait(ready, words)
        return network
    }

    private init(process: pid_t, life: consuming Pipe) {
        self.process = process
        self.life = life
    }

    private static func wait(_ ready: consuming Pipe, _ words: consuming Pipe) throws(MountError) {
        ready.closeWriter()
        words.closeWriter()
        guard ready.all(limit: 1).isEmpty else { return }
        let text = String(decoding: words.all(limit: 4096), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("WARNING") }
        throw .unavailable("slirp4netns makes no network here: \(lines.last ?? "it ended")")
    }

    /// Starts a program with `descriptors`, each given as (here, there); all others are closed on exec.
    private static func spawn(
        _ arguments: [String], _ descriptors: [(Int32, Int32)]
    ) throws(MountError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        // Above all that is given, so that none takes another's place.
        let spare: Int32 = 1000
        for (index, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor.0, spare + Int32(index))
        }
        for (index, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, spare + Int32(index), descriptor.1)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // In a group of its own: a terminal's Ctrl-C ends the programs first, and then this.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var child: pid_t = 0
        let copies = arguments.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var list = copies + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let code = posix_spawn(&child, arguments.first ?? "", &actions, &attributes, &list, &environment)
        guard code == 0 else {
            throw .system(errno: code, operation: "start", path: arguments.first ?? "")
        }
        return child
    }

    deinit {
        kill(process, SIGKILL)
        ChildProcess.wait(for: process)
    }
}
