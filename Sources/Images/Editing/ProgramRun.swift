import Blocks
import Glibc
package import Plans
package import Reports
import Trees
package import Volumes

/// What a profile wants to be run inside one slot's image: packages first, then commands.
package struct ProgramRun {
    private let slot: Slot
    private let settings: Settings
    private let hostname: String
    private let logPath: String
    private let observe: Progress.Observer

    /// Lines of the log that an error shows.
    private static let shownLines = 12
    private static let refusal: VolumePath = "/usr/sbin/policy-rc.d"
    private static let resolver: VolumePath = "/etc/resolv.conf"
    private static let status: VolumePath = "/var/lib/dpkg/status"

    /// Nil when there is nothing to run. `logPath`: where all that the programs print goes.
    package init?(_ slot: Slot, _ settings: Settings, logPath: String, observe: @escaping Progress.Observer) {
        guard settings.runsPrograms else { return nil }
        self.slot = slot
        self.settings = settings
        hostname = settings.hostname ?? slot.name
        self.logPath = logPath
        self.observe = observe
    }

    package func run(in image: SystemImage, at time: Int64) throws(ForgeError) -> Manifest.Programs {
        guard let root = image.root as? MountedVolume, let boot = image.boot as? MountedVolume else {
            throw ForgeError(.bug, "could not run programs inside an image that is not mounted")
        }
        return try run(root: root, boot: boot, at: time)
    }

    /// Runs all, one after the other; the first that fails ends it. `time`: seconds since 1970-01-01 UTC.
    package func run(root: MountedVolume, boot: MountedVolume, at time: Int64) throws(ForgeError) -> Manifest.Programs {
        let emulator = try emulator(for: root)
        let bootPlace = try bootPlace(in: root)
        let log = try Log(path: logPath)
        let before = try installed(in: root)
        let network = settings.network ?? false
        var helpers = [try Helper(Self.refusal, "#!/bin/sh\nexit 101\n", mode: 0o755, in: root, at: time)]
        if network {
            let text = "nameserver \(UserNetwork.resolver)\n"
            helpers.append(try Helper(Self.resolver, text, mode: 0o644, in: root, at: time))
        }
        for command in steps(network: network) {
            try Interruption.check()
            observe(Progress(stage: .run, subject: slot.name, done: 0, total: 0))
            try log.write("$ \(command.text)\n")
            let program = SandboxedProgram(
                command.arguments, environment: environment(emulator), hostname: hostname, hasNetwork: network,
                emulator: emulator)
            let outcome = try wrapping(
                program.run(
                    in: root, boot: boot, at: bootPlace, output: log.descriptor,
                    isCancelled: { Interruption.isRequested }), as: Self.refusal)
            try Interruption.check()
            guard outcome == .ended(0) else { throw failure(of: command, outcome, program.limits, log) }
        }
        for helper in helpers.reversed() { try helper.remove(from: root) }
        return Manifest.Programs(
            log: logPath.fileName, network: network, packagesBefore: before,
            packagesAfter: try installed(in: root))
    }

    // MARK: What is run

    private struct Step {
        var arguments: [String]
        var text: String

        init(_ arguments: [String]) {
            self.arguments = arguments
            text = arguments.joined(separator: " ")
        }

        init(shell text: String) {
            arguments = ["/bin/sh", "-c", text]
            self.text = text
        }
    }

    private func steps(network: Bool) -> [Step] {
        var steps: [Step] = []
        if !settings.packages.isEmpty {
            if network { steps.append(Step(["/usr/bin/apt-get", "-q", "update"])) }
            steps.append(
                Step(
                    [
                        "/usr/bin/apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", "install",
                        "--",
                    ]
                        + settings.packages))
        }
        return steps + settings.commands.map { Step(shell: $0) }
    }

    private func environment(_ emulator: Emulator?) -> [String] {
        let fixed = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive", "PIFORGE_SLOT=\(slot.name)",
        ]
        return fixed + (emulator.map { ["QEMU_CPU=\($0.processor)"] } ?? [])
    }

    // MARK: What it is run with

    private func emulator(for root: MountedVolume) throws(ForgeError) -> Emulator? {
        let program = try wrapping(on: .root, root.node(at: "/usr/bin/env"))
        guard case .file(let bytes)? = program?.content else {
            throw ForgeError(.badInput, "could not run programs inside the image: it has no /usr/bin/env")
        }
        return try wrapping(as: Self.refusal) { () throws(MountError) in
            guard let emulator = try Emulator(forProgram: Array(bytes.prefix(20))) else { return nil }
            try Emulator.check()
            return emulator
        }
    }

    private static func refusal(_ error: MountError) -> ForgeError {
        guard case .unavailable(let reason) = error else { return ForgeError(error) }
        return ForgeError(
            .unavailable, "could not run programs inside the image: \(reason)",
            hint: "piforge doctor tells what this machine has; without `packages` and `run` none of it is needed")
    }

    /// Where the image's system has its boot partition.
    private func bootPlace(in root: MountedVolume) throws(ForgeError) -> String {
        for place: VolumePath in ["/boot/firmware", "/boot"] {
            let node = try wrapping(on: .root, root.status(at: place))
            if node?.kind == .directory { return place.description }
        }
        throw ForgeError(.badInput, "could not run programs inside the image: it has no /boot")
    }

    private func installed(in root: MountedVolume) throws(ForgeError) -> [String] {
        let node = try wrapping(on: .root, root.node(at: Self.status))
        guard case .file(let bytes)? = node?.content else { return [] }
        return [InstalledPackage](status: String(decoding: bytes, as: UTF8.self)).map(\.identifier)
    }

    private func failure(
        of step: Step, _ outcome: SandboxedProgram.Outcome, _ limits: SandboxedProgram.Limits, _ log: borrowing Log
    ) -> ForgeError {
        let lines = log.lastLines(Self.shownLines).map { "\n  " + $0 }.joined()
        let isOffline = settings.network != true && !settings.packages.isEmpty
        let end =
            switch outcome {
            case .ended(let status): "it ended with status \(status)"
            case .tookTooLong: "it was ended after \(limits.seconds / 60) minutes"
            case .cancelled: "it was ended"
            }
        var hint = isOffline ? "network: true lets packages be fetched" : "\(logPath) has all that it printed"
        // 128 and SIGKILL.
        if outcome == .ended(137) {
            hint = "it may have needed more than \(limits.memory >> 20) MiB of memory or \(limits.processes) processes"
        }
        return ForgeError(
            .badInput, "could not run `\(step.text)` inside the image: \(end)\(lines)", hint: hint)
    }
}

/// A file that lies in the image only while programs run.
private struct Helper {
    let path: VolumePath
    let node: FileNode
    let old: FileNode?

    init(
        _ path: VolumePath, _ text: String, mode: UInt16, in root: MountedVolume, at time: Int64
    ) throws(ForgeError) {
        self.path = path
        let node = FileNode(content: .file(Array(text.utf8)), metadata: .init(mode: mode, modified: time))
        self.node = node
        old = try wrapping(on: .root) { () throws(VolumeError) in
            let old = try root.node(at: path)
            // A link may lead anywhere, or nowhere yet.
            if let old, old.kind != .file { try root.remove(path) }
            try root.put(node, at: path)
            return old
        }
    }

    /// Puts back what was there, unless a program has put something else.
    func remove(from root: MountedVolume) throws(ForgeError) {
        try wrapping(on: .root) { () throws(VolumeError) in
            guard let now = try root.node(at: path), now.content == node.content else { return }
            guard let old else { return try root.remove(path) }
            if old.kind != .file { try root.remove(path) }
            try root.put(old, at: path)
        }
    }
}

/// What programs print. It stays when the build fails, and each build begins it anew.
private struct Log: ~Copyable {
    let path: String
    let descriptor: Int32

    init(path: String) throws(ForgeError) {
        try OutputFile.checkReplaceable(path, replacing: true)
        unlink(path)
        let opened = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw ForgeError.writing(path, errno: errno) }
        descriptor = opened
        self.path = path
    }

    deinit { close(descriptor) }

    func write(_ text: String) throws(ForgeError) {
        // O_APPEND counts more than an offset: pwrite(2), "BUGS".
        try OutputFile.write(Array(text.utf8).span.bytes, at: 0, to: descriptor, path: path)
    }

    func lastLines(_ count: Int) -> [String] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return [] }
        let size = min(Int(status.st_size), 8192)
        var bytes = [UInt8](repeating: 0, count: size)
        let found = pread(descriptor, &bytes, size, status.st_size - off_t(size))
        // Terminals obey what is below a blank.
        let lines = bytes.prefix(max(0, found)).split(separator: 0x0A).suffix(count)
        return lines.map { String(decoding: $0.filter { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, as: UTF8.self) }
    }
}
