import ArgumentParser
import Fleet
import Forge
import Handoff
import Plans
import Reports

struct HandoffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handoff",
        abstract: "Write the files by which ssh, Ansible and the local network know the cluster.",
        discussion: """
            They go to the folder CLUSTER-handoff: ssh_config, known_hosts, inventory.ini, ansible.cfg, hosts and dhcp-hosts. \
            No secret is in them. A file there that piforge has not made is replaced only with --force.

              piforge handoff
              ssh -F sg1-handoff/ssh_config tealc
              piforge handoff --address cnat=192.168.42.10
              piforge handoff --print known_hosts
            """)

    @OptionGroup var cluster: ClusterOptions

    @Option(
        help: ArgumentHelp(
            "The folder; made when it does not exist. Without this option CLUSTER-handoff.", valueName: "dir"))
    var output: UserPath?

    @OptionGroup var places: AddressOptions

    @Option(
        help: ArgumentHelp(
            "Print one of the files instead: \(HandoffDocument.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "what"))
    var print: HandoffDocument?

    @Flag(help: "Replace files that piforge has not made, and forget host keys that ssh has accepted.")
    var force = false

    func run() throws {
        try cluster.answer.apply()
        let environment = Environment.current
        let request = try cluster.request(in: environment)
        let roster = try request.roster(addresses: places.address, environment: environment.variables)
        let folder = HandoffFolder(path: output?.path ?? "\(roster.cluster)-handoff")
        if let print {
            guard !cluster.answer.json else {
                throw ForgeError(
                    .usage, "could not use --print with --json: it prints the file as it is", hint: "leave one out")
            }
            return Output.text(try folder.text(of: print, for: roster))
        }
        let files = try folder.write(roster, force: force)
        if cluster.answer.json {
            return try Output.json(HandoffReport(roster, folder: folder, files: files), as: .handoff)
        }
        for file in files { Output.line(file.path + (file.isWritten ? "" : "  (as it was)")) }
        if !roster.knowsAllKeys {
            Output.note(
                "note: without `identity` the first host key that a machine shows is accepted, and kept in known_hosts")
        }
        if let line = HandoffDocument.quotedInclude(folder.absolutePath + "/ssh_config") {
            Output.note(
                "For plain `ssh NAME`, put this above every Host and Match line of ~/.ssh/config: Include \(line)")
        }
    }
}

extension HandoffDocument: ExpressibleByArgument {}

/// The hand-off as `--json` prints it.
private struct HandoffReport: Encodable {
    var cluster: String
    var folder: String
    var files: [File]
    var machines: [Machine]

    struct File: Encodable {
        var document: String
        var path: String
        var written: Bool
    }

    struct Machine: Encodable {
        var slot: String
        var hostname: String
        var names: [String]
        var address: String
        var gateway: String?
        var user: String
        var hostKey: String?

        enum CodingKeys: String, CodingKey {
            case slot, hostname, names, address, gateway, user
            case hostKey = "host_key"
        }
    }

    init(_ roster: Roster, folder: HandoffFolder, files: [HandoffFolder.File]) {
        cluster = roster.cluster
        self.folder = folder.absolutePath
        self.files = files.map { File(document: $0.document.rawValue, path: $0.path, written: $0.isWritten) }
        machines = roster.machines.map { machine in
            Machine(
                slot: machine.slot.name, hostname: machine.hostname, names: roster.names(of: machine),
                address: machine.address, gateway: machine.gateway.map(roster.alias), user: machine.user,
                hostKey: machine.publicKey?.line)
        }
    }
}
