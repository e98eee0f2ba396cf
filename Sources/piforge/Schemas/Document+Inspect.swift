extension Document {
    /// What can be said of any image.
    var inspectShape: Shape {
        titled([
            .always("identity", Self.imageIdentity, "What the image is."),
            .maybe("disk", Self.partitionTable, "The partition table; absent for a tree."),
            .maybe(
                "network",
                .object([
                    .always("address", .text, "In the cluster's own network."),
                    .maybe("controller_mac", .text, "The controller's end of the USB link."),
                    .maybe("netboot_address", .text, "Of a controller towards nodes without cards."),
                    .maybe("node_mac", .text, "The node's end of the USB link."),
                ]), "How the slot is found in its cluster."),
            .always(
                "wifi",
                .list(
                    .object([
                        .always("name", .text, "The network's name."),
                        .always("file", .text, "The file that names it."),
                    ])), "The wireless networks that it knows."),
            .always("users", .list(Self.login), "Users who can get in."),
            .always(
                "pending_users",
                .list(
                    .object([
                        .maybe("default_password", .text, "The well-known one that it is."),
                        .always("name", .text, "The login name."), .always("source", .text, "The file that says so."),
                    ])), "Users whom the first boot makes or renames."),
            .always("ssh", Self.server, "Whether and how one gets in over the network."),
            .maybe("swarm", Self.swarm, "The swarm that the machine belongs to, once it runs."),
            .always("powered_nodes", .list(.text), "The nodes that a controller powers on when it starts."),
            .always("kernel", .object([.always("arguments", .list(.text), "In their order.")]), "The kernel's line."),
            .always(
                "boards",
                .list(
                    .object([
                        .always("board", .text, "The board's name."),
                        .always(
                            "config",
                            .list(.object([.always("key", .text, "The key."), .always("value", .text, "The value.")])),
                            "What of config.txt is in effect for it."),
                        .always("missing", .list(.text), "Files without which it does not boot."),
                    ])), "What the firmware of each board makes of it."),
            .always(
                "first_boot",
                .list(.object([.always("boot", .count, "From 1."), .always("what", .text, "What happens.")])),
                "What the first boots will do."),
            .always("findings", .list(Self.finding), "What looks wrong, the most severe first."),
        ])
    }

    private static let swarm = Shape.object([
        .always("cluster", .text, "Whose it is."),
        .always("role", .choice(["manager", "worker"]), "Who makes it, and who joins."),
        .maybe("address", .text, "The machine's own address in it."),
        .maybe("manager", .text, "Whom a worker asks for a ticket."),
        .always("networks", .list(.text), "Overlay networks that a manager makes."),
        .always("secrets", .list(.text), "The names of secrets that a manager makes."),
        .always("stacks", .list(.text), "Stacks that a manager deploys."),
    ])

    private static let imageIdentity = Shape.object([
        .maybe("architecture", .text, "armel, armhf or arm64."),
        .always("boot_mount", .text, "Where the system has its boot partition."),
        .always("conversion", .choice(["pending", "done", "none"]), "8086's conversion to a slot."),
        .maybe("hostname", .text, "The host name."),
        .always(
            "kind", .choice(["clusterctrl", "clusterhat", "raspberry_pi_os", "netboot_tree", "other"]), "What it is."),
        .maybe("release", .text, "Debian's code name."),
        .always("root_readable", .flag, "Without it most other things are unknown."),
        .maybe("slot", .text, "What it is, or what the first boot will make it."),
        .maybe("version", .text, "Debian's version."),
        .always("was_booted", .flag, "Whether it has run."),
    ])

    private static let partitionTable = Shape.object([
        .always("id", .text, "Eight hexadecimal digits, or a GUID."),
        .always(
            "partitions",
            .list(
                .object([
                    .always("bytes", .count, "Its size."), .always("number", .count, "From 1."),
                    .always("partuuid", .text, "By which the kernel names it."),
                    .maybe("role", .choice(["boot", "root"]), "Absent for others."),
                    .always("start", .count, "Byte offset in the image."), .always("type", .text, "What it is for."),
                ])), "In the order of the table."),
        .always("scheme", .choice(["mbr", "gpt", "gpt_backup"]), "gpt_backup: only the copy at the end is whole."),
    ])

    private static let key = Shape.object([
        .always("bits", .count, "Its length."), .always("comment", .text, "What the file says of it."),
        .always("fingerprint", .text, "SHA256: and base64."),
        .always("options", .list(.text), "Their names."), .always("type", .text, "Such as ED25519."),
    ])

    private static let login = Shape.object([
        .maybe("default_password", .text, "The well-known one that it is."),
        .maybe("hash_method", .text, "Such as sha512; absent without a password."),
        .always("home", .text, "The home folder."),
        .always(
            "keys",
            .list(
                .object([
                    .always("file", .text, "The file that names it."), .always("key", key, "The key."),
                    .maybe("rejected", .text, "Why sshd does not take it."),
                ])), "The keys that may log in."),
        .always("must_change_password", .flag, "At the first login."), .always("name", .text, "The login name."),
        .always("password", .choice(["set", "none", "locked"]), "Whether there is one."),
        .always("shell", .text, "The shell."),
        .always("sudo", .choice(["free", "password", "no"]), "free: it asks for no password."),
        .always("uid", .count, "The user's number."),
        .always(
            "ways",
            .list(
                .choice([
                    "console_password", "console_without_password", "ssh_password", "ssh_without_password", "ssh_key",
                ])), "How the user gets in."),
    ])

    private static let server = Shape.object([
        .always(
            "host_keys",
            .list(
                .object([
                    .always("file", .text, "Where it lies."), .maybe("key", key, "Absent without a public half."),
                    .always("kept", .flag, "It lies where no first boot looks."),
                    .always("private", .flag, "Whether the private half is there."),
                ])), "The keys that the server shows."),
        .always("makes_host_keys", .flag, "At a boot to come."),
        .always("marker", .flag, "A file `ssh` on the boot partition."),
        .always("match_blocks", .flag, "Match blocks may say otherwise."),
        .always("password_authentication", .flag, "Whether passwords are taken."),
        .always("ports", .list(.text), "Where it listens."),
        .always(
            "state", .choice(["enabled", "at_first_boot", "closed", "masked", "not_installed", "unknown"]),
            "Whether it will run."),
    ])
}
