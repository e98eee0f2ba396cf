import CLinux
import Glibc

/// A program that runs as root inside an image, and can reach nothing outside it.
///
/// It has mount, process, host name and user namespaces of its own, and without `hasNetwork` a network with nothing in
/// it. Its root is the image's; devices other than /dev/null and the like are not there. What it leaves running is killed.
package struct InsideProgram: Sendable {
    /// The program and its arguments.
    package var arguments: [String]
    /// `KEY=value`, each.
    package var environment: [String]
    package var hostname: String
    /// Whether it may use this machine's network.
    package var hasNetwork: Bool
    package var emulator: Emulator?

    package init(
        _ arguments: [String], environment: [String], hostname: String, hasNetwork: Bool, emulator: Emulator?
    ) {
        self.arguments = arguments
        self.environment = environment
        self.hostname = hostname
        self.hasNetwork = hasNetwork
        self.emulator = emulator
    }

    /// Runs it to its end and returns its exit status, 128 and more for a signal; nil when it was cancelled.
    ///
    /// What it prints goes to the file `output`. `boot` appears at `bootPlace`, which must be a folder of `root`.
    package func run(
        in root: MountedVolume, boot: MountedVolume?, at bootPlace: String, output: Int32, isCancelled: () -> Bool
    ) throws(MountError) -> Int32? {
        let rootMount = try root.mountForPrograms()
        let bootMount = try boot?.mountForPrograms()
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, let receiver = Descriptor(ends[0]), let report = Descriptor(ends[1]) else {
            throw MountError("make", "a pipe")
        }
        let bootNumber =
            switch bootMount {
            case .some(let mount): mount.root;
            case nil: Int32(-1)
            }
        let child = try start(
            clinux_step_places(root: rootMount.root, boot: bootNumber, output: output, report: report.number),
            bootPlace: bootPlace)
        report.close()
        let status = try wait(for: child, isCancelled: isCancelled)
        var message = [UInt8](repeating: 0, count: 512)
        let count = read(receiver.number, &message, message.count)
        guard count <= 0 else {
            let text = String(decoding: message.prefix(count), as: UTF8.self)
            throw .unavailable("the kernel would not start a program inside the image: \(text)")
        }
        return status
    }

    private func start(_ places: clinux_step_places, bootPlace: String) throws(MountError) -> pid_t {
        let strings = [bootPlace, hostname, emulator?.path ?? "", emulator?.registration ?? ""]
        let copies = (strings + arguments + environment).map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var list = copies[4..<(4 + arguments.count)].map { UnsafePointer($0) } + [nil]
        var variables = copies[(4 + arguments.count)...].map { UnsafePointer($0) } + [nil]
        let child = list.withUnsafeMutableBufferPointer { list in
            variables.withUnsafeMutableBufferPointer { variables in
                var step = clinux_step(
                    places: places, boot_place: copies[0], has_network: hasNetwork ? 1 : 0, hostname: copies[1],
                    emulator: emulator == nil ? nil : UnsafePointer(copies[2]), registration: copies[3],
                    arguments: list.baseAddress, environment: variables.baseAddress)
                return clinux_step_start(&step)
            }
        }
        guard child > 0 else { throw MountError("start", "a program") }
        return child
    }

    private func wait(for child: pid_t, isCancelled: () -> Bool) throws(MountError) -> Int32? {
        var isKilled = false
        var status: Int32 = 0
        var pause = timespec(tv_sec: 0, tv_nsec: 20_000_000)
        while true {
            switch waitpid(child, &status, WNOHANG) {
            case 0:
                if !isKilled, isCancelled() {
                    isKilled = true
                    kill(child, SIGKILL)
                }
                nanosleep(&pause, nil)
            case child:
                // Its last process is killed with it, but may take a moment.
                if isKilled { return nil }
                // WIFEXITED and WEXITSTATUS are macros that Swift does not see.
                return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
            default:
                guard errno == EINTR else { throw MountError("wait for", "a program") }
            }
        }
    }
}
