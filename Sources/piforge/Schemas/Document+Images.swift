extension Document {
    /// Of documents about images and trees that are made.
    var imageShape: Shape {
        switch self {
        case .build:
            titled([
                .always(
                    "images",
                    .list(
                        .object([
                            .always("slot", .text, "Such as p3 or cnat."),
                            .always("image", .text, "The image's path."),
                            .always("manifest", .text, "The manifest's path."),
                            .always("up_to_date", .flag, "Whether it was there already, and was left as it is."),
                            .always("details", .object(Self.manifestFields), "What the manifest says."),
                        ])), "The images in the profile's order.")
            ])
        case .manifest: titled(Self.manifestFields)
        case .plan: titled([.always("plans", .list(Self.slotPlan), "One for each slot, in the slots' order.")])
        case .verify:
            .either([
                titled(Self.verification),
                titled([
                    .always("images", .list(.object(Self.verification)), "In the order of the arguments."),
                    .maybe(
                        "errors",
                        .list(
                            .object([
                                .maybe("hint", .text, "What to do."), .always("image", .text, "The path."),
                                .always("message", .text, "Why it could not be judged."),
                            ])), "What could not be verified."),
                ]),
            ])
        case .netboot:
            titled([
                .always(
                    "trees",
                    .list(
                        .object([
                            .always("slot", .text, "The node, such as p3."),
                            .always("tree", .text, "The path of the tar or folder; several nodes may share one."),
                            .always("manifest", .text, "The manifest's path."),
                            .always("entries", .count, "Files, folders and links in the tree."),
                            .always("details", .object(Self.manifestFields), "What the manifest says."),
                        ])), "The trees in the order in which they were finished.")
            ])
        case .netbootInstall:
            titled([
                .always(
                    "trees",
                    .list(
                        .object([
                            .always("slot", .text, "The node, such as p3."), .always("tree", .text, "Where it lies."),
                        ])), "The trees that are in place.")
            ])
        default:
            titled([
                .always(
                    "trees",
                    .list(
                        .object([
                            .always("tree", .text, "Such as p3; empty when the path is one tree."),
                            .always("findings", .list(Self.finding), "What would keep the node from starting."),
                        ])), "The trees that were looked at.")
            ])
        }
    }

    static let manifestFields: [Shape.Field] = [
        .always(
            "base",
            .object([
                .always("file", .text, "The base's name."),
                .always("format", .text, "How it is packed: raw, xz, zip and so on."),
                .always("sha256", .digest, "Of the file as it was downloaded."),
            ]), "What it was made from."),
        .always("changes", .list(change), "The files that differ from the base, sorted by partition and path."),
        .maybe("cluster", .text, "The profile's cluster."),
        .always("engine", .choice(["builtin", "loop"]), "What edited the image."),
        .maybe(
            "identity",
            .object([
                .always("fingerprint", .text, "As ssh-keygen -l prints it."),
                .always("host_key", .text, "The public key, ssh-ed25519 and base64."),
                .maybe("machine_id", .text, "32 hexadecimal digits."),
            ]), "By what others know the machine; absent when it makes its own keys."),
        .maybe("medium", .choice(["netboot"]), "Absent for a card's image."),
        .always(
            "output",
            .object([
                .always("bytes", .count, "Size of the file."),
                .always("file", .text, "Its name."),
                .maybe("raw_bytes", .count, "Size of the image when it is unpacked; absent for a tree."),
                .maybe(
                    "raw_sha256", .digest,
                    "Of the image when it is unpacked; for packed ones with --raw-digest or --imager-list."),
                .always("sha256", .digest, "Of the file; of a folder, of the tar that it would be."),
            ]), "What was made."),
        .always("plan", .digest, "Of the plan: equal plans change equal bases equally."),
        .maybe(
            "programs",
            .object([
                .always("log", .text, "Name of the file with all that they printed."),
                .always("network", .flag, "Whether they could use the network."),
                .always("packages_before", .list(.text), "Each as name:architecture=version."),
                .always("packages_after", .list(.text), "Each as name:architecture=version."),
            ]), "What programs of the image did; absent when none were run."),
        .always("reproducible", .flag, "Whether the same inputs give the same bytes."),
        .maybe("settings", .digest, "Of the slot's own settings, secrets left out."),
        .always("slot", .text, "Such as p3 or cnat."),
        .always("source_date_epoch", .integer, "Seconds since 1970-01-01 UTC that changed files were given."),
        .always(
            "tool",
            .object([.always("name", .text, "piforge."), .always("version", .text, "Its version.")]),
            "What made it."),
        .always("warnings", .list(.text), "What looks wrong; findings end with their names in brackets."),
    ]

    private static let action = Shape.choice(["create", "change", "remove"])
    private static let partition = Shape.choice(["boot", "root"])

    private static let change = Shape.object([
        .always("action", action, "What happened to the file."),
        .always("new_sha256", .nullable(.digest), "Null where there is no file now, and for secrets."),
        .always("old_sha256", .nullable(.digest), "Null where there was no file, and for secrets."),
        .always("partition", partition, "Where it lies."),
        .always("path", .text, "Absolute on its partition."),
        .always("reason", .text, "Why."),
        .always("secret", .flag, "Whether neither content nor digest is shown."),
    ])

    private static let changeReport = Shape.object([
        .always("action", action, "What is to happen."),
        .always("details", .list(.text), "What changes besides a file's text."),
        .maybe("diff", .list(.text), "A unified diff; absent for what is secret or no text."),
        .always("partition", partition, "Where it lies."),
        .always("path", .text, "Absolute on its partition."),
        .always("reason", .text, "Why."),
        .always("secret", .flag, "Whether it is not shown."),
    ])

    private static let slotPlan = Shape.object([
        .always("changes", .list(changeReport), "What would be changed."),
        .always("plan", .digest, "Of the plan."),
        .maybe(
            "settings",
            .list(
                .object([
                    .always("key", .text, "The dotted key."),
                    .always("origin", .text, "The line or flag that it comes from."),
                    .always("value", .text, "Secrets are not shown."),
                ])), "The effective settings, with --settings."),
        .always("slot", .text, "Such as p3 or cnat."),
        .always("warnings", .list(.text), "What looks wrong."),
    ])

    private static let verification: [Shape.Field] = [
        .maybe("as_made", .flag, "Whether the bytes are those of the manifest; absent without one."),
        .always("differences", .list(changeReport), "What would have to change for the settings to hold."),
        .always("image", .text, "The path."),
        .maybe("manifest", .text, "The path of the manifest beside it."),
        .always("matches", .flag, "Whether it is what its slot asks for."),
        .always("slot", .text, "Such as p3 or cnat."),
    ]

    static let finding = Shape.object([
        .maybe("hint", .text, "What can be done."),
        .always("id", .text, "A name that stays: docs/effect.md."),
        .always("severity", .choice(["error", "warning", "note"]), "How bad it is."),
        .always("what", .text, "What was found."),
    ])
}
