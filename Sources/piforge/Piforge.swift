import ArgumentParser
import Glibc
import Reports

/// The root command; every error is a `ForgeError` said by `Output`, those of ArgumentParser too.
@main
struct Piforge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "piforge",
        abstract: "Make ClusterHAT card images that boot as the right node the first time.",
        discussion: """
            A profile and one of 8086's base images (CNAT, CBRIDGE or a node's; raw, .xz, .gz, .zst, .bz2 or .zip) go in, \
            finished images for the controller and the nodes come out. No root, no mounts.

            Start here:
              piforge init --ask                        # a profile, by questions
              piforge plan --slot p3                    # see what would change, and why
              piforge build                             # write the images
              piforge build --cards /dev/sdX            # or the cards, in turn
              piforge verify sg1-*.img                  # check them later
              piforge handoff                           # what ssh and Ansible need

            More: piforge help TOPIC, which is one of \(HelpTopic.allCases.map(\.rawValue).joined(separator: ", ")).

            Exit codes: 0 done, 1 a difference was found, 64 usage, 65 bad profile or image, 69 something is missing \
            on this machine, 70 a bug in piforge, 73 cannot create the output, 74 I/O error, 77 permission denied, \
            129, 130 and 143 stopped by SIGHUP, SIGINT and SIGTERM.
            """,
        version: Reports.version,
        groupedSubcommands: [
            CommandGroup(
                name: "Profile to cards",
                subcommands: [
                    InitCommand.self, FetchCommand.self, PackagesCommand.self, PlanCommand.self, BuildCommand.self,
                    DevicesCommand.self,
                    FlashCommand.self,
                ]),
            CommandGroup(
                name: "Looking and checking",
                subcommands: [
                    VerifyCommand.self, ReportCommand.self, InspectCommand.self, IdentifyCommand.self,
                    DoctorCommand.self,
                ]),
            CommandGroup(
                name: "Cluster",
                subcommands: [
                    NetbootCommand.self, IdentityCommand.self, HandoffCommand.self, StatusCommand.self,
                ]),
            CommandGroup(
                name: "Other",
                subcommands: [
                    RepairCommand.self, CacheCommand.self, HashPasswordCommand.self, CompletionCommand.self,
                    SchemaCommand.self,
                ]),
        ])

    static func main() {
        Interruption.listen()
        // Swift takes the arguments from there; without them each command would be a call for help that ends with 0.
        guard access("/proc/self/cmdline", R_OK) == 0 else {
            end(
                ForgeError(
                    .unavailable, "could not read the arguments of this program: /proc is not mounted",
                    hint: "mount -t proc proc /proc"))
        }
        do {
            if try HelpTopic.print(CommandLine.arguments) { return try Output.checkWritten() }
            var command = try parseAsRoot()
            try RepeatedOptions(Array(CommandLine.arguments.dropFirst()), dump: _dumpHelp)?.check()
            try command.run()
            try Output.checkWritten()
            Log.add(.end, "exit 0")
        } catch let error as ForgeError {
            // A difference is a result, too: who could not read it is told so.
            if error.kind == .difference {
                do throws(ForgeError) { try Output.checkWritten() } catch { end(error) }
            }
            end(error)
        } catch let code as ExitCode {
            Log.add(.end, "exit \(code.rawValue)")
            Glibc.exit(code.rawValue)
        } catch {
            endParsing(error)
        }
    }

    private static func end(_ error: ForgeError) -> Never {
        // Whatever a signal made fail, the signal was why.
        let reason = Interruption.isRequested && error.kind != .interrupted ? ForgeError.interruption : error
        Output.report(reason)
        Log.add(.end, "exit \(reason.exitCode)")
        Glibc.exit(reason.exitCode)
    }

    /// Help and version are results; what else ArgumentParser throws is a wrong usage.
    private static func endParsing(_ error: any Error) -> Never {
        guard exitCode(for: error) != .success else {
            Output.text(fullMessage(for: error) + "\n")
            do throws(ForgeError) { try Output.checkWritten() } catch { end(error) }
            Glibc.exit(0)
        }
        // No command has looked at its options yet.
        if CommandLine.arguments.contains("--json") { Output.useJSON(true) }
        let usage = UsageMessage(
            message(for: error), arguments: Array(CommandLine.arguments.dropFirst()), root: Piforge.self)
        end(ForgeError(.usage, usage.message, hint: usage.hint))
    }
}

extension ForgeError {
    /// What the process ends with.
    var exitCode: Int32 { kind == .interrupted ? 128 + Interruption.signalNumber : kind.rawValue }
}
