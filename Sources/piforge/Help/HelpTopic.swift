import Plans
import Reports

/// Short texts for who has the program and not its docs; each stands in a page of docs/, too.
enum HelpTopic: String, CaseIterable {
    case profile, bases, cards, netboot, handoff, ci
    case exitCodes = "exit-codes"

    /// The page that has more.
    var page: String {
        switch self {
        case .exitCodes: "troubleshooting.md"
        default: "\(rawValue == "cards" ? "flashing" : rawValue).md"
        }
    }

    /// At most 80 columns; commands are indented by two blanks.
    var text: String {
        switch self {
        case .profile: Self.profileText
        case .bases: Self.basesText
        case .cards: Self.cardsText
        case .netboot: Self.netbootText
        case .handoff: Self.handoffText
        case .ci: Self.ciText
        case .exitCodes: Self.exitCodesText
        }
    }

    /// Prints the topic that `piforge help TOPIC` asks for; false for anything else that can be understood.
    static func print(_ arguments: [String]) throws(ForgeError) -> Bool {
        guard arguments.count == 3, arguments[1] == "help", let word = arguments.last, !word.hasPrefix("-") else {
            return false
        }
        if let topic = HelpTopic(rawValue: word) {
            Output.text(topic.text + "\n\nMore: docs/\(topic.page)\n")
            return true
        }
        let commands = Piforge.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard !commands.contains(word) else { return false }
        let known = allCases.map(\.rawValue) + commands
        throw ForgeError(
            .usage, "there is no help on \"\(word)\"",
            hint: SchemaSuggestion.nearest(to: word, in: known).map { "piforge help \($0)" } ?? "piforge --help")
    }

    private static let profileText = """
        A profile is one YAML file for one cluster; ./piforge.yaml is read when
        --profile is left out. What stands under defaults holds for every slot, what
        stands under a slot comes on top: values replace, lists add. An option of the
        command line goes before both.

          version: 1
          cluster: sg1                       # begins the names of the images
          base: CNAT.img.xz                  # the image to start from
          defaults:
            ssh: true
            cgroups: true                    # for Docker, Swarm and Kubernetes
            authorized_keys_files: [~/.ssh/id_ed25519.pub]
          slots:
            cnat: {hostname: hammond}        # the controller: cnat or cbridge
            p1: {hostname: oneil}            # the nodes: p1 to p252

        Write one, see every key, see what it does:

          piforge init --ask
          piforge schema --table
          piforge plan --slot p1 --settings
        """

    private static let basesText = """
        A base is Raspberry Pi OS as it is published, Lite or desktop, or one of 8086's
        ClusterCTRL images: raw, .xz, .gz, .zst, .bz2, .zip or in a tar, told apart by
        content. Nodes are made of either (plain Raspberry Pi OS: bookworm and trixie).
        Controllers take 8086's CNAT, CBRIDGE or a node's, which are at
        dist.8086.net/clusterctrl; cnat is made of plain Raspberry Pi OS too, but then
        nothing turns its nodes on. A slot `plain`, or of any name with `role: plain`,
        is a machine without ClusterHAT, from plain Raspberry Pi OS. A card that was
        copied while it ran is repaired first. What must be unpacked for random access
        is kept in the cache.

          piforge inspect raspios-lite.img.xz
          piforge repair card.img
          piforge cache
        """

    private static let cardsText = """
        A card is written whole and read back before it gets a partition table. Nothing
        is ever chosen for you: a device is named, must be a card that nothing uses, and
        the slot or the end of its serial is typed. One reader and five cards: --cards
        asks for one card after the other.

          piforge devices
          piforge flash sg1-p1.img /dev/sdX
          piforge build --cards /dev/sdX
          piforge build --device p1=/dev/sdX --device p2=/dev/sdY
          piforge identify /dev/sdX
        """

    private static let netbootText = """
        Nodes need no cards: the controller gives them kernel and root over USB and NFS.
        Trees are made from the same profile and base, as tars without root, as folders
        as root, on the controller's own card, or on a running controller.

          piforge netboot --slot p1-p4 --output trees
          piforge build --slot cnat --with-netboot p1-p4
          sudo piforge netboot install --slot p1-p4
          piforge netboot lint trees
        """

    private static let handoffText = """
        With identity in the profile every machine's ssh host key is known before its
        card has run. The hand-off is what ssh, Ansible and a DHCP server need to know
        of the cluster; no secret is in it.

          piforge identity new
          piforge handoff
          ssh -F sg1-handoff/ssh_config tealc
          piforge status
        """

    private static let ciText = """
        Nothing is asked where nobody is. The same inputs give the same bytes. --json
        prints one document to stdout, --progress json one event a line to stderr,
        --strict lets warnings fail, --quiet leaves out remarks. Nodes' images need no
        root. A second build of the same is up to date, and exit code 0.

          piforge plan --strict --quiet
          piforge build --format img.xz --output images --sha256sums --json
          piforge verify images/sg1-p1.img.xz
        """

    private static let exitCodesText = """
        0    done
        1    verify or identify found a difference
        64   wrong usage: an option, an argument, a slot
        65   bad input: a profile, an image, an archive
        69   something is missing on this machine
        70   a bug in piforge
        73   an output cannot be created: it exists, or the disk is not one to write
        74   I/O: a disk is full or worn, a file cannot be read
        77   permission denied; the hint names the command that gives the right
        129, 130, 143   stopped by SIGHUP, SIGINT, SIGTERM
        """
}
