/// What one slot's image shall be, after defaults, the slot's own settings and flags are laid over each other.
///
/// Nil and empty mean "leave it as the base image has it". Values are validated before they come here.
package struct Settings: Equatable, Sendable {
    /// Nil: the slot's own name (`p3`, `cnat`, `cbridge`).
    package var hostname: String?
    /// The cluster's DNS domain; with it the hosts line reads `127.0.1.1 tealc.chappa.ai tealc p3`.
    package var domain: String?
    /// True puts the `ssh` marker, false makes sure that there is none.
    package var ssh: Bool?
    /// The login name. Nil with a password hash or keys: the image's first user (uid 1000).
    package var user: String?
    /// A crypt(3) hash, such as `$6$salt$…`.
    package var passwordHash: String?
    /// Whole lines for `authorized_keys`, in order, each once.
    package var authorizedKeys: [String] = []
    /// False turns password logins over ssh off, true turns them on.
    package var passwordLogin: Bool?
    /// True adds the kernel arguments that container engines need.
    package var cgroups: Bool?
    package var kernelArguments = KernelArguments()
    /// Memory for the GPU in MiB, 16...944.
    package var gpuMemory: Int?
    /// config.txt settings: section name without brackets (`all`, `pi0`, …) to `key`/`value` pairs in order.
    package var config: [ConfigSection] = []
    /// A name below /usr/share/zoneinfo.
    package var timeZone: String?
    /// Such as `en_GB.UTF-8`.
    package var locale: String?
    package var keyboard: Keyboard?
    package var wifi: WiFi?
    package var units = Units()
    package var files: [FileCopy] = []
    /// Further lines for /etc/hosts: address and names.
    package var hosts: [HostsEntry] = []

    /// Debian packages to install inside the image.
    package var packages: [String] = []
    /// Commands for sh(1) to run inside the image, in order, after the packages.
    package var commands: [String] = []
    /// Whether those may use the network of the machine that makes the image.
    package var network: Bool?

    package init() {}

    /// Whether programs of the image must run to make it, which only mounted images can.
    package var runsPrograms: Bool { !packages.isEmpty || !commands.isEmpty }

    package struct KernelArguments: Equatable, Sendable {
        /// `key` or `key=value`: replaces every argument of that key (`console=` is added beside the others).
        package var set: [String] = []
        /// `key` removes every argument of that key, `key=value` only that one.
        package var remove: [String] = []
        package init() {}
    }

    package struct ConfigSection: Equatable, Sendable {
        package var name: String
        package var entries: [Entry]

        package struct Entry: Equatable, Sendable {
            package var key: String
            /// Nil removes the key. `dtoverlay`, `dtparam` and other accumulating keys may occur more than once.
            package var value: String?
            package init(key: String, value: String?) {
                self.key = key
                self.value = value
            }
        }

        package init(name: String, entries: [Entry]) {
            self.name = name
            self.entries = entries
        }
    }

    package struct Keyboard: Equatable, Sendable {
        package var layout: String
        package var model: String?
        package var variant: String?
        package var options: String?
        package init(layout: String, model: String? = nil, variant: String? = nil, options: String? = nil) {
            self.layout = layout
            self.model = model
            self.variant = variant
            self.options = options
        }
    }

    package struct WiFi: Equatable, Sendable {
        package var ssid: String
        /// A passphrase of 8...63 characters or 64 hex digits; nil for an open network.
        package var psk: String?
        package var hidden: Bool
        /// Two capital letters (ISO 3166-1).
        package var country: String?
        package init(ssid: String, psk: String?, hidden: Bool, country: String?) {
            self.ssid = ssid
            self.psk = psk
            self.hidden = hidden
            self.country = country
        }
    }

    package struct Units: Equatable, Sendable {
        /// Unit names with their suffix, such as `docker.service`.
        package var enable: [String] = []
        package var disable: [String] = []
        package var mask: [String] = []
        package init() {}
    }

    /// A file, link or folder of the user's, already read.
    package struct FileCopy: Equatable, Sendable {
        package var target: Target
        package var content: Content
        /// Permission bits, 0...0o7777.
        package var mode: UInt16
        package var owner: UInt32
        package var group: UInt32
        /// Holds something that must not be shown in a diff or a manifest.
        package var isSecret: Bool

        package enum Content: Equatable, Sendable {
            case file([UInt8])
            case directory
            case symlink(String)
        }

        package init(target: Target, content: Content, mode: UInt16, owner: UInt32, group: UInt32, isSecret: Bool) {
            self.target = target
            self.content = content
            self.mode = mode
            self.owner = owner
            self.group = group
            self.isSecret = isSecret
        }
    }

    package struct HostsEntry: Equatable, Sendable {
        package var address: String
        package var names: [String]
        package init(address: String, names: [String]) {
            self.address = address
            self.names = names
        }
    }
}
