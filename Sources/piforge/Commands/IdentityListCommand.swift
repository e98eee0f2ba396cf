import ArgumentParser
import Fleet
import Forge
import Plans
import Reports

struct IdentityListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List each slot's host key, machine id and MACs; what identity does when nothing else is named.",
        discussion: """
            Nothing that is printed is secret.

              piforge identity
              piforge identity --json
            """)

    @OptionGroup var cluster: ClusterOptions

    func run() throws {
        try cluster.answer.apply()
        let environment = Environment.current
        let request = try cluster.request(in: environment)
        let roster = try request.roster(environment: environment.variables)
        if let path = request.profile?.secretPath(flags: request.flags), SecretFile.isReadableByOthers(path) {
            Output.warn("others can read \(path): chmod 600 \(ForgeError.quoted(path))")
        }
        let machines = try request.machines(of: roster)
        guard machines.contains(where: { $0.hostKey != nil }) else {
            throw ForgeError(
                .badInput, "could not list identities: the profile has neither `identity` nor `host_key_file`",
                hint: "piforge identity new makes a secret")
        }
        if cluster.answer.json {
            return try Output.json(IdentityDocument(cluster: roster.cluster, machines: machines), as: .identity)
        }
        for line in Self.lines(machines) { Output.line(line) }
    }

    private static func lines(_ machines: [IdentifiedMachine]) -> [String] {
        let rows = machines.map { machine in
            [
                machine.slot, machine.hostname, machine.fingerprint ?? "made at the first boot",
                machine.machineID ?? "made at the first boot", machine.nodeMAC ?? "", machine.controllerMAC ?? "",
            ]
        }
        let titles = ["slot", "host name", "host key", "machine id", "MAC of the node", "MAC at the controller"]
        return Output.table([titles] + rows)
    }
}

private struct IdentityDocument: Encodable {
    var cluster: String
    var machines: [IdentifiedMachine]
}
