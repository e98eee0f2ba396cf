import ArgumentParser

struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "The host keys and ids of a cluster, from one secret.",
        discussion: """
            One file with 32 random bytes makes the host key and the machine id of every slot, so that a card that is written \
            again is the same machine as before. docs/handoff.md has the details.

              piforge identity new            # write the secret, once for each cluster
              piforge identity                # what follows from it, nothing secret
            """,
        subcommands: [IdentityListCommand.self, IdentityNewCommand.self], defaultSubcommand: IdentityListCommand.self)
}
