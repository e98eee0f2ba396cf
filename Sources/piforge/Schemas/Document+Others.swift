extension Document {
    /// Of documents about cards, the cluster and this machine.
    var otherShape: Shape {
        switch self {
        case .cards: titled([.always("cards", .list(Self.card), "What became of each card.")])
        case .devices: titled([.always("devices", .list(Self.device), "The disks.")])
        case .identify:
            titled([
                .always("compared", .count, "Paths that were compared."),
                .always(
                    "differences",
                    .list(
                        .object([
                            .always("partition", .choice(["boot", "root"]), "Where it lies."),
                            .always("path", .text, "Absolute on its partition."),
                            .always("what", .text, "What is other."),
                        ])), "What is not any more as it was made."),
                .maybe("identical", .flag, "Whether every byte of the file is as it was made."),
                .maybe("manifest", .text, "What it was compared with."),
                .always("note", Self.label, "What the card says of itself."),
            ])
        case .repair:
            titled([
                .always(
                    "findings",
                    .list(
                        .object([
                            .always("changedByteCount", .count, "In whole blocks of 4 KiB."),
                            .always("complaint", .text, "What was the matter."),
                            .always("partition", .count, "From 1."),
                        ])), "The file systems that were not clean."),
                .maybe("image", .text, "The repaired image; absent when there was nothing to repair."),
                .maybe("sha256", .digest, "Absent for one that was repaired in place."),
            ])
        case .identity:
            titled([
                .always("cluster", .text, "The profile's cluster."),
                .always("machines", .list(Self.machine), "Controllers first."),
            ])
        case .identityNew: titled([.always("file", .text, "The secret that was written.")])
        case .handoff: handoffShape
        case .status: statusShape
        case .fetch:
            titled([
                .always(
                    "bases",
                    .list(
                        .object([
                            .always("base", .text, "As the profile names it."),
                            .always("bytes", .count, "Of the file as it was downloaded."),
                            .maybe("image_sha256", .digest, "Of the image that is packed in it."),
                            .always("path", .text, "Where the cache keeps it."),
                            .always("sha256", .digest, "Of the file as it was downloaded."),
                            .always("url", .text, "Where it came from."),
                        ])), "The bases that are elsewhere, each once.")
            ])
        case .cache:
            titled([
                .always("items", .list(Self.item), "What is kept."), .always("path", .text, "Where."),
                .always("total", .count, "Bytes."),
            ])
        case .cachePrune:
            titled([
                .always("freed", .count, "Bytes."), .always("left", .count, "Bytes."),
                .always("removed", .list(Self.item), "What is gone."),
            ])
        case .report: titled([.always("file", .text, "The page that was written.")])
        case .doctor: doctorShape
        default: titled([.always("error", Self.failure, "What went wrong.")])
        }
    }

    private static let failure = Shape.object([
        .maybe("hint", .text, "What to do."), .always("kind", .text, "The kind, which decides the exit code."),
        .always("message", .text, "One sentence."),
    ])

    private static let label = Shape.object([
        .always("base", .digest, "The base's fingerprint."), .maybe("cluster", .text, "The profile's cluster."),
        .maybe("settings", .digest, "Of the slot's own settings, secrets left out."),
        .always("slot", .text, "Such as p3 or cnat."),
        .always("source_date_epoch", .integer, "Seconds since 1970-01-01 UTC."),
        .always(
            "tool", .object([.always("name", .text, "piforge."), .always("version", .text, "Its version.")]),
            "What made it."),
    ])

    private static let card = Shape.object([
        .maybe("bytes_compared", .count, "Read to find what differs."),
        .maybe("bytes_erased", .count, "Old signatures that were erased."),
        .maybe("bytes_mapped", .count, "What the file systems use."),
        .maybe("bytes_verified", .count, "Read back and compared."), .maybe("bytes_written", .count, "Written."),
        .always("device", .text, "The disk."), .maybe("error", failure, "Absent when all went well."),
        .maybe("grown", .choice(["filled", "first_boot"]), "What became of --grow."),
        .always("image", .text, "What was written."), .maybe("image_bytes", .count, "Its size."),
        .maybe("manifest", .text, "The card's manifest."), .always("ok", .flag, "Whether all went well."),
        .maybe("retries", .count, "Ranges that were written again."),
        .maybe("root_bytes", .count, "Of the root partition that was grown."),
        .maybe("serial", .text, "The disk's."), .maybe("sha256", .digest, "Of what is on it."),
        .maybe("slot", .text, "What the card is now."),
    ])

    private static let device = Shape.object([
        .always("bus", .text, "usb, sd, emmc, nvme, sata and so on."), .always("bytes", .count, "Its size."),
        .always("candidate", .flag, "Whether it may be written."),
        .maybe("card", label, "What it says of itself, when it may be read."), .maybe("model", .text, "As it says."),
        .always(
            "partitions",
            .list(.object([.always("bytes", .count, "Its size."), .always("name", .text, "The kernel's name.")])),
            "What is on it."),
        .always("path", .text, "Such as /dev/sdb."), .always("reasons", .list(.text), "Why it may not be written."),
        .always("removable", .flag, "As its driver says."), .always("sector_bytes", .count, "512 or 4096."),
        .maybe("serial", .text, "By which it is known."), .maybe("vendor", .text, "As it says."),
    ])

    private static let machine = Shape.object([
        .maybe("controller_mac", .text, "The controller's end of the USB link."),
        .maybe("fingerprint", .text, "As ssh-keygen -l prints it; absent when the first boot makes the key."),
        .maybe("host_key", .text, "The public key."), .always("hostname", .text, "The host name."),
        .maybe("machine_id", .text, "32 hexadecimal digits."),
        .maybe("node_mac", .text, "The node's end of the USB link."), .always("slot", .text, "Such as p3."),
    ])

    private static let item = Shape.object([
        .always("bytes", .count, "What it takes on the disk."), .always("in_use", .flag, "By another piforge now."),
        .always("kind", .choice(["image", "packed", "tree", "map", "unfinished"]), "What it is."),
        .always("last_used", .integer, "Seconds since 1970-01-01 UTC."), .always("path", .text, "Where it lies."),
        .maybe("source", .text, "The name of the base."), .always("source_sha256", .text, "The base's digest."),
    ])

    private var handoffShape: Shape {
        titled([
            .always("cluster", .text, "The profile's cluster."),
            .always(
                "files",
                .list(
                    .object([
                        .always("document", .text, "As --print names it."), .always("path", .text, "Where it lies."),
                        .always("written", .flag, "False when it was so already."),
                    ])), "What is in the folder."),
            .always("folder", .text, "Absolute."),
            .always(
                "machines",
                .list(
                    .object([
                        .always("address", .text, "Where it is reached."),
                        .maybe("gateway", .text, "Through which machine."),
                        .maybe("host_key", .text, "The public key."), .always("hostname", .text, "The host name."),
                        .always("names", .list(.text), "All that ssh knows it by."),
                        .always("slot", .text, "Such as p3."), .always("user", .text, "Who logs in."),
                    ])), "Controllers first."),
        ])
    }

    private var statusShape: Shape {
        let states = ["answers", "unreachable", "wrong_host_key", "unknown_host_key", "login_refused", "failed"]
        return titled([
            .always("cluster", .text, "The profile's cluster."),
            .always(
                "machines",
                .list(
                    .object([
                        .always("address", .text, "Where it was asked."),
                        .maybe("card", Self.label, "What its card says of itself."),
                        .maybe("card_matches", .flag, "Whether the card is of this slot and cluster."),
                        .maybe("detail", .text, "Why it does not answer."),
                        .maybe("drifted", .flag, "Whether the profile has changed since."),
                        .maybe("host_key_matches", .flag, "Absent when nobody answered."),
                        .always("hostname", .text, "The host name."),
                        .maybe("power", .flag, "Whether the controller gives it power."),
                        .always("slot", .text, "Such as p3."), .always("state", .choice(states), "How it answers."),
                        .maybe("uptime_seconds", .count, "Since it was started."),
                        .maybe("packages", .text, "How far its first boot has come with `debs`."),
                        .maybe("first_boot", .text, "How far its first boot has come with `first_boot`."),
                    ])), "Controllers first."),
        ])
    }

    private var doctorShape: Shape {
        let capability = Shape.object([
            .always("name", .text, "What it is called."), .always("obstacles", .list(.text), "What is in the way."),
            .always("purpose", .text, "What it is for."), .always("works", .flag, "Whether it works here."),
        ])
        return titled([
            .always("engines", .list(capability), "What edits images."),
            .always("kernel", .text, "As uname -r has it."),
            .always("network", capability, "A network for programs of images."),
            .always("programs", capability, "Running programs of images."),
            .always(
                "tools",
                .list(
                    .object([
                        .always("name", .text, "The program."), .always("package", .text, "Debian's package."),
                        .maybe("path", .text, "Absent when it is not installed."),
                        .always("purpose", .text, "What it is for."),
                    ])), "Programs of others."),
        ])
    }
}
