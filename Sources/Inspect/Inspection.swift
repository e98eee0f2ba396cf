import Reports
package import Tables
package import Trees

/// What can be said of an image by looking at it: what it is, who can log in, what its first boot will do, and what
/// about it is suspicious. Holds no secrets: no password hash, no passphrase, no private key.
package struct Inspection: Encodable, Equatable, Sendable {
    package var identity: Identity
    /// Absent for a tree without a partition table.
    package var disk: Disk?
    package var network: Network?
    /// The wireless networks that it knows.
    package var wifi: [WirelessNetwork]
    package var users: [Login]
    /// Users whom the first boot will make or rename.
    package var pendingUsers: [PendingUser]
    package var ssh: SSH
    /// Absent for a machine that no swarm was set up for.
    package var swarm: Swarm?
    /// The nodes that a controller powers on when it starts.
    package var poweredNodes: [String]
    package var kernel: Kernel
    package var boards: [BoardReport]
    package var firstBoot: [Step]
    /// The most severe first.
    package var findings: [Finding]

    /// Something suspicious.
    package struct Finding: Encodable, Hashable, Sendable {
        package var severity: Severity
        /// A name that stays from release to release.
        package var id: FindingID
        package var what: String
        /// What the person can do.
        package var hint: String?

        package enum Severity: String, Encodable, Sendable, CaseIterable, Comparable {
            /// Something will not work.
            case error
            /// Something will probably not do what was meant.
            case warning
            /// Worth knowing.
            case note

            package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
            private var rank: Int { self == .error ? 0 : self == .warning ? 1 : 2 }
        }

        package init(_ severity: Severity, _ id: FindingID, _ what: String, hint: String? = nil) {
            self.severity = severity
            self.id = id
            self.what = what
            self.hint = hint
        }
    }

    /// Something that happens at a boot before the system is as it will stay.
    package struct Step: Encodable, Equatable, Sendable {
        /// From 1.
        package var boot: Int
        package var what: String
    }

    enum CodingKeys: String, CodingKey {
        case identity, disk, network, wifi, users, ssh, swarm, kernel, boards, findings
        case poweredNodes = "powered_nodes"
        case pendingUsers = "pending_users"
        case firstBoot = "first_boot"
    }

    /// Looks at the volumes of an image; nothing is changed.
    ///
    /// Without `root` only what the boot partition knows is in it. `findings` are those of whoever opened the volumes.
    /// Throws only `corrupt` and `device`: whatever else an image lacks is reported, not refused.
    package init(
        boot: any ReadableVolume, root: (any ReadableVolume)?, table: PartitionTable? = nil,
        bootPartition: Partition? = nil,
        rootPartition: Partition? = nil, rootNames: FileSystemNames? = nil, findings: [Finding] = []
    ) throws(VolumeError) {
        var reader = try InspectionReader(
            boot: boot, root: root, bootPartition: bootPartition, rootPartition: rootPartition,
            rootNames: rootNames, table: table)
        reader.findings += findings
        identity = try reader.identity()
        disk = table.map { Disk($0, boot: bootPartition?.number, root: rootPartition?.number) }
        network = try reader.network()
        wifi = try reader.wirelessNetworks()
        kernel = try reader.kernel()
        boards = try reader.boards()
        firstBoot = try reader.firstBoot()
        let accounts = try reader.accounts()
        users = accounts.users
        pendingUsers = accounts.pending
        ssh = try reader.ssh()
        swarm = try reader.swarm()
        poweredNodes = try reader.poweredNodes()
        reader.checkEntrance(ssh, users: users, pending: pendingUsers)
        try reader.checkRole()
        try reader.checkLeftovers()
        self.findings = []
        for severity in Finding.Severity.allCases {
            for finding in reader.findings where finding.severity == severity && !self.findings.contains(finding) {
                self.findings.append(finding)
            }
        }
    }

    package init(
        boot: any ReadableVolume, root: any ReadableVolume, table: PartitionTable, system: SystemPartitions,
        rootNames: FileSystemNames? = nil
    ) throws(VolumeError) {
        try self.init(
            boot: boot, root: root, table: table, bootPartition: system.boot, rootPartition: system.root,
            rootNames: rootNames)
    }
}

extension Inspection {
    /// What the image is.
    package struct Identity: Encodable, Equatable, Sendable {
        package var kind: Kind
        /// `p3`, `cnat`, `cbridge`; what it is, or what the first boot will make it.
        package var slot: String?
        package var conversion: Conversion
        /// Debian's code name, such as `bookworm`.
        package var release: String?
        /// Such as `12`.
        package var version: String?
        /// `armel`, `armhf`, `arm64`.
        package var architecture: String?
        /// Where the running system sees the boot partition.
        package var bootMount: String
        package var hostname: String?
        /// Whether it has run: a machine id is set.
        package var wasBooted: Bool
        /// False when the root partition could not be read; then most other things are unknown.
        package var isRootReadable: Bool

        package enum Kind: String, Encodable, Sendable {
            /// 8086's image since 2019.
            case clusterCTRL = "clusterctrl"
            /// 8086's image before.
            case clusterHAT = "clusterhat"
            case raspberryPiOS = "raspberry_pi_os"
            /// A root tree that a node boots over USB.
            case netbootTree = "netboot_tree"
            case other
        }

        package enum Conversion: String, Encodable, Sendable {
            /// The first boot converts it.
            case pending
            case done
            case none
        }

        enum CodingKeys: String, CodingKey {
            case kind, slot, conversion, release, version, architecture, hostname
            case bootMount = "boot_mount"
            case wasBooted = "was_booted"
            case isRootReadable = "root_readable"
        }
    }

    /// The partition table.
    package struct Disk: Encodable, Equatable, Sendable {
        /// `mbr`, `gpt`, or `gpt_backup` when only the copy at the end is intact.
        package var scheme: String
        /// Eight hexadecimal digits, or a GUID.
        package var id: String
        package var partitions: [Part]

        package struct Part: Encodable, Equatable, Sendable {
            package var number: Int
            /// `boot` or `root`; absent for others.
            package var role: String?
            package var type: String
            /// Byte offset in the image.
            package var start: Int64
            package var bytes: Int64
            package var partuuid: String
        }

        init(_ table: PartitionTable, boot: Int?, root: Int?) {
            scheme =
                switch table.scheme {
                case .mbr: "mbr"
                case .gpt: "gpt"
                case .gptBackup: "gpt_backup"
                }
            id = table.diskIdentifier
            partitions = table.partitions.map { partition in
                Part(
                    number: partition.number,
                    role: partition.number == boot ? "boot" : partition.number == root ? "root" : nil,
                    type: "\(partition.kind)", start: partition.range.lowerBound, bytes: partition.byteCount,
                    partuuid: partition.identifier)
            }
        }
    }

    /// How the machine of this slot is found in its cluster.
    package struct Network: Encodable, Equatable, Sendable {
        /// A node's when no DHCP server answers; a controller's towards the nodes.
        package var address: String
        /// A controller's towards nodes that boot over USB.
        package var netbootAddress: String?
        /// The node's end of the gadget link.
        package var nodeMAC: String?
        /// The controller's end of the gadget link.
        package var controllerMAC: String?

        enum CodingKeys: String, CodingKey {
            case address
            case netbootAddress = "netboot_address"
            case nodeMAC = "node_mac"
            case controllerMAC = "controller_mac"
        }
    }

    /// A wireless network that the system joins where it finds it.
    package struct WirelessNetwork: Encodable, Equatable, Sendable {
        package var name: String
        /// The file that names it.
        package var file: String
    }

    /// Whether and how one gets in over the network.
    package struct SSH: Encodable, Equatable, Sendable {
        package var state: State
        package var marker: Bool
        package var ports: [String]
        package var asksPassword: Bool
        /// Where `Match` blocks may say otherwise.
        package var hasMatchBlocks: Bool
        package var hostKeys: [HostKey]
        /// The host keys are made, or made anew, at a boot to come.
        package var makesHostKeys: Bool

        package enum State: String, Encodable, Sendable {
            /// The server starts at every boot.
            case enabled
            /// The marker on the boot partition opens it at the first boot.
            case atFirstBoot = "at_first_boot"
            case closed
            /// Masked: the marker cannot open it.
            case masked
            case notInstalled = "not_installed"
            case unknown
        }

        package struct HostKey: Encodable, Equatable, Sendable {
            package var file: String
            /// Absent when there is no public half to read.
            package var key: Key?
            package var hasPrivateHalf: Bool
            /// It lies where no first boot looks, so that it stays.
            package var isKept = false

            enum CodingKeys: String, CodingKey {
                case file, key
                case isKept = "kept"
                case hasPrivateHalf = "private"
            }
        }

        enum CodingKeys: String, CodingKey {
            case state, marker, ports
            case asksPassword = "password_authentication"
            case hasMatchBlocks = "match_blocks"
            case hostKeys = "host_keys"
            case makesHostKeys = "makes_host_keys"
        }
    }

    /// The line that the kernel gets from cmdline.txt.
    package struct Kernel: Encodable, Equatable, Sendable {
        package var arguments: [String]
    }

    /// What the firmware of one board makes of the boot partition.
    package struct BoardReport: Encodable, Equatable, Sendable {
        package var board: String
        /// Files that this board needs and that are missing; none: it boots.
        package var missing: [String]
        /// The settings of config.txt in effect, in the order of the file.
        package var config: [Setting]

        package struct Setting: Encodable, Hashable, Sendable {
            package var key: String
            package var value: String
        }
    }
}
