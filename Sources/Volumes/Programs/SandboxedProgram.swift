import Reports
import CSandbox
import Glibc

/// A program that runs as root inside an image, and can reach nothing outside it.
///
/// Its root user is nobody outside (`UserNamespace`). What it sees, may do and may use up is written in
/// docs/security.md and built in CSandbox. What it leaves running is killed.
package struct SandboxedProgram: Sendable {
    /// The program and its arguments.
    package var arguments: [String]
    /// `KEY=value`, each.
    package var environment: [String]
    package var hostname: String
    /// Whether it gets a `UserNetwork`; without, it has a loopback device of its own.
    package var hasNetwork: Bool
    package var emulator: Emulator?
    package var limits: Limits

    /// What it may use up.
    package struct Limits: Equatable, Sendable {
        /// Bytes: of all its processes together where this machine has control groups, else of each one.
        package var memory: UInt64
        package var processes: UInt64
        package var seconds: Int
        /// Bytes that it may print; what comes after them is dropped.
        package var output: Int

        package init(memory: UInt64, processes: UInt64 = 4096, seconds: Int = 2 * 3600, output: Int = 64 << 20) {
            self.memory = memory
            self.processes = processes
            self.seconds = seconds
            self.output = output
        }

        /// Half of this machine's memory.
        package static var standard: Limits {
            let pages = max(sysconf(Int32(_SC_PHYS_PAGES)), 1 << 18)
            return Limits(memory: UInt64(pages) * UInt64(sysconf(Int32(_SC_PAGESIZE))) / 2)
        }
    }

    package enum Outcome: Equatable, Sendable {
        /// With its exit status, 128 and more for a signal.
        case ended(Int32)
        case cancelled
        case tookTooLong
    }

    package init(
        _ arguments: [String], environment: [String], hostname: String, hasNetwork: Bool, emulator: Emulator?,
        limits: Limits = .standard
    ) {
        self.arguments = arguments
        self.environment = environment
        self.hostname = hostname
        self.hasNetwork = hasNetwork
        self.emulator = emulator
        self.limits = limits
    }

    /// Throws what keeps programs from being locked in on this machine; takes root.
    package static func check() throws(MountError) {
        let namespace = try UserNamespace()
        let context = try DetachedMount.open("ext4")
        _ = (namespace.number, context.number)
    }

    /// Runs it to its end.
    ///
    /// What it prints goes to the file `output`. `boot` appears at `bootPlace`, which must be a folder of `root`.
    package func run(
        in root: MountedVolume, boot: MountedVolume?, at bootPlace: String, output: Int32, isCancelled: () -> Bool
    ) throws(MountError) -> Outcome {
        let namespace = try UserNamespace()
        let rootMount = try root.mountForPrograms()
        try namespace.mapOwners(of: rootMount)
        let bootMount = try boot?.mountForPrograms()
        let bootNumber: Int32
        switch bootMount {
        case .some(let mount):
            try namespace.mapOwners(of: mount)
            bootNumber = mount.root
        case nil: bootNumber = -1
        }
        let group = ControlGroup(memory: limits.memory, processes: limits.processes)
        var printed = try Pipe()
        var report = try Pipe()
        var networkReady = try Pipe()
        let networkGo = try Pipe()
        // So that it may open /dev/stderr again.
        guard fchown(printed.writerNumber, UserNamespace.first, UserNamespace.first) == 0 else {
            throw MountError("give away", "a pipe")
        }
        var box = csandbox_box()
        box.root = rootMount.root
        box.boot = bootNumber
        box.user_namespace = namespace.number
        box.first_owner = UserNamespace.first
        box.output = printed.writerNumber
        box.report = report.writerNumber
        box.network_ready = hasNetwork ? networkReady.writerNumber : -1
        box.network_go = hasNetwork ? networkGo.reader.number : -1
        box.memory = limits.memory
        box.processes = limits.processes
        let child = try start(box, members: group.members, bootPlace: bootPlace)
        let running = RunningProgram(child, limits: limits)
        printed.closeWriter()
        report.closeWriter()
        networkReady.closeWriter()
        let network = try hasNetwork ? network(of: child, ready: networkReady, go: networkGo) : nil
        _ = consume networkGo
        let message = report.all(limit: 512)
        let outcome = try running.follow(printed, to: output, isCancelled: isCancelled)
        // What its numbers were for has to live until here.
        _ = consume rootMount
        _ = consume bootMount
        _ = consume namespace
        _ = consume network
        _ = consume group
        guard message.isEmpty else { throw Self.failure(message) }
        return outcome
    }

    /// What the C side reports: an errno and what failed.
    private static func failure(_ message: [UInt8]) -> MountError {
        let code = message.prefix(4).reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        let what = String(decoding: message.dropFirst(4), as: UTF8.self)
        return .unavailable(
            "the kernel would not start a program inside the image: \(what): \(systemMessage(code))")
    }

    private func network(
        of child: pid_t, ready: borrowing Pipe, go: borrowing Pipe
    ) throws(MountError) -> UserNetwork? {
        guard ready.all(limit: 1).count == 1 else { return nil }
        let network = try UserNetwork.start(for: child)
        var byte: UInt8 = 0
        guard write(go.writerNumber, &byte, 1) == 1 else { throw MountError("start", "a program") }
        return network
    }

    private func start(_ box: csandbox_box, members: [Int32], bootPlace: String) throws(MountError) -> pid_t {
        let strings = [bootPlace, hostname, emulator?.path ?? "", emulator?.registration ?? ""]
        let copies = (strings + arguments + environment).map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var list = copies[4..<(4 + arguments.count)].map { UnsafePointer($0) } + [nil]
        var variables = copies[(4 + arguments.count)...].map { UnsafePointer($0) } + [nil]
        let child = list.withUnsafeMutableBufferPointer { list in
            variables.withUnsafeMutableBufferPointer { variables in
                members.withUnsafeBufferPointer { members in
                    var box = box
                    box.control_groups = members.baseAddress
                    box.control_group_count = members.count
                    box.boot_place = UnsafePointer(copies[0])
                    box.hostname = UnsafePointer(copies[1])
                    box.emulator = emulator == nil ? nil : UnsafePointer(copies[2])
                    box.registration = UnsafePointer(copies[3])
                    box.arguments = UnsafePointer(list.baseAddress)
                    box.environment = UnsafePointer(variables.baseAddress)
                    return csandbox_start(&box)
                }
            }
        }
        guard child > 0 else { throw MountError("start", "a program") }
        return child
    }
}
