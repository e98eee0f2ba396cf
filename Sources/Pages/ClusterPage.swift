/// What a page of a cluster tells; holds no secret.
package struct ClusterPage: Sendable {
    package var cluster: String
    /// Such as `piforge 0.1.0`.
    package var tool: String
    /// Controllers first, then the nodes by number.
    package var machines: [Machine]

    package init(cluster: String, tool: String, machines: [Machine]) {
        self.cluster = cluster
        self.tool = tool
        self.machines = machines
    }

    package struct Machine: Sendable {
        /// `p3`, `cnat`.
        package var slot: String
        package var isController: Bool
        package var hostname: String
        package var names: [String]
        package var address: String
        /// Of a node's end of the USB link; nil for any other machine.
        package var link: String?
        package var isNode: Bool { link != nil }
        package var user: String
        /// Of the host key as `ssh-keygen -l` prints it; nil when the Pi makes its own.
        package var fingerprint: String?
        package var base: String
        package var partitions: [Partition] = []
        /// Packages, programs and units that the profile brings.
        package var runs: [String] = []
        package var firstBoot: [Step] = []
        package var findings: [Finding] = []
        package var changes: [Change] = []
        package var settings: [Setting] = []
        /// SHA-256 of the plan.
        package var plan: String
        /// Nil while it is not built.
        package var image: Image?

        package init(
            slot: String, isController: Bool, hostname: String, names: [String], address: String, link: String?,
            user: String, fingerprint: String?, base: String, plan: String
        ) {
            self.slot = slot
            self.isController = isController
            self.hostname = hostname
            self.names = names
            self.address = address
            self.link = link
            self.user = user
            self.fingerprint = fingerprint
            self.base = base
            self.plan = plan
        }
    }

    package struct Partition: Sendable {
        /// `boot`, `root`; nil for another.
        package var role: String?
        package var type: String
        /// Bytes in the image.
        package var start: Int64
        package var byteCount: Int64
        /// `256 MiB`.
        package var size: String

        package init(role: String?, type: String, start: Int64, byteCount: Int64, size: String) {
            self.role = role
            self.type = type
            self.start = start
            self.byteCount = byteCount
            self.size = size
        }
    }

    package struct Step: Sendable {
        package var boot: Int
        package var what: String

        package init(boot: Int, what: String) {
            self.boot = boot
            self.what = what
        }
    }

    package struct Finding: Sendable {
        /// `error`, `warning`, `note`.
        package var severity: String
        package var what: String
        package var hint: String?

        package init(severity: String, what: String, hint: String?) {
            self.severity = severity
            self.what = what
            self.hint = hint
        }
    }

    package struct Change: Sendable {
        package enum Action: String, Sendable { case create, change, remove }

        package var action: Action
        /// `boot:/cmdline.txt`.
        package var place: String
        package var reason: String
        package var details: [String]
        /// Hunks of a unified diff; nil where no text is to be shown.
        package var diff: [String]?

        package init(action: Action, place: String, reason: String, details: [String], diff: [String]?) {
            self.action = action
            self.place = place
            self.reason = reason
            self.details = details
            self.diff = diff
        }
    }

    package struct Setting: Sendable {
        package var key: String
        package var value: String
        package var origin: String

        package init(key: String, value: String, origin: String) {
            self.key = key
            self.value = value
            self.origin = origin
        }
    }

    /// A finished image, by its manifest.
    package struct Image: Sendable {
        package var file: String
        package var size: String
        package var sha256: String

        package init(file: String, size: String, sha256: String) {
            self.file = file
            self.size = size
            self.sha256 = sha256
        }
    }
}
