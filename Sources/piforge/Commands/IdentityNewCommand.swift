import ArgumentParser
import Fleet
import Forge
import Identity
import Plans
import Reports

struct IdentityNewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Write a new secret for a cluster.",
        discussion: """
            The file is the one that the profile's `identity` names, else CLUSTER.secret beside the profile, with mode 0600. A \
            file that exists is never replaced.

              piforge identity new
              piforge identity new secrets/sg1
            """)

    @Argument(help: ArgumentHelp("Where to write it.", valueName: "file"))
    var path: UserPath?

    @OptionGroup var cluster: ClusterOptions

    func run() throws {
        try cluster.answer.apply()
        let request = try cluster.request(in: .current, needsProfile: path == nil)
        let named = request.profile?.secretPath(flags: request.flags)
        let file = path?.path ?? named ?? request.profile.map(Self.usualPath) ?? ""
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<IdentitySecret.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        guard let secret = IdentitySecret(bytes: bytes) else {
            throw ForgeError(.bug, "could not make a secret of \(bytes.count) bytes")
        }
        try SecretFile.create(secret, at: file)
        if cluster.answer.json {
            try Output.json(NewDocument(file: file), as: .identityNew)
        } else {
            Output.line("wrote \(file)")
        }
        Output.note(
            "Who has it can pose as every machine of the cluster: keep it out of version control, and a copy of it safe."
        )
        if named == nil {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            Output.note("Name it at the top of the profile: identity: \(path?.path ?? name)")
        }
    }

    private static func usualPath(_ profile: Profile) -> String {
        let folder = LocalProfileFiles.folder(ofProfile: profile.name)
        return (folder.isEmpty || folder == "/" ? folder : folder + "/") + profile.cluster + ".secret"
    }
}

private struct NewDocument: Encodable {
    var file: String
}
