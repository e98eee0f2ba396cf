import Blocks
import FoundationEssentials
package import Plans
package import Reports
import Trees

/// What an image was made from and what was changed in it; lies beside the image as `NAME.manifest.json`.
///
/// It holds no secrets: of a secret file it says that it changed, not even by a digest, as the digest of a file with
/// one unknown word in it lets that word be guessed. It names no path of the machine that made it.
package struct Manifest: Codable, Equatable, Sendable {
    package var base: Base
    package var changes: [Change]
    package var cluster: String?
    /// By what others know the machine; nil when it makes its own keys.
    package var identity: Machine?
    /// What edited the image; the bytes of equal files are the same, the order of blocks is not.
    package var engine = Engine.builtin
    /// `netboot` for a tree; nil for a card's image.
    package var medium: String?
    package var output: Output
    /// What programs of the image did to it; nil when none were run.
    package var programs: Programs?
    /// SHA-256 of the plan; equal plans change equal bases equally.
    package var plan: String
    /// Whether the same inputs give the same bytes.
    package var reproducible = true
    /// SHA-256 of the slot's own settings, secrets left out; nil when they are not known.
    package var settings: String?
    package var slot: String
    /// Seconds since 1970-01-01 UTC that changed files were given.
    package var sourceDateEpoch: Int64
    package var tool: Tool
    package var warnings: [String]

    package init(
        base: Base, changes: [Change], cluster: String? = nil, identity: Machine? = nil,
        engine: Engine = Engine.builtin, medium: String? = nil, output: Output, programs: Programs? = nil, plan: String,
        reproducible: Bool = true, settings: String? = nil, slot: String, sourceDateEpoch: Int64, tool: Tool,
        warnings: [String]
    ) {
        self.base = base
        self.changes = changes
        self.cluster = cluster
        self.identity = identity
        self.engine = engine
        self.medium = medium
        self.output = output
        self.programs = programs
        self.plan = plan
        self.reproducible = reproducible
        self.settings = settings
        self.slot = slot
        self.sourceDateEpoch = sourceDateEpoch
        self.tool = tool
        self.warnings = warnings
    }

    package struct Base: Codable, Equatable, Sendable {
        package var file: String
        package var format: String
        /// The digest of the file as it was downloaded.
        package var sha256: String

        package init(file: String, format: String, sha256: String) {
            self.file = file
            self.format = format
            self.sha256 = sha256
        }
    }

    /// The public half of a machine's identity.
    package struct Machine: Codable, Equatable, Sendable {
        /// As `ssh-keygen -l` prints it.
        package var fingerprint: String
        /// `ssh-ed25519 AAAA…`
        package var hostKey: String
        /// Nil when the profile says nothing of it.
        package var machineID: String?

        enum CodingKeys: String, CodingKey {
            case fingerprint
            case hostKey = "host_key"
            case machineID = "machine_id"
        }

        /// Nil for a machine that makes its own.
        package init?(_ identity: MachineIdentity?) {
            guard let key = identity?.hostKey?.publicKey else { return nil }
            fingerprint = key.fingerprint
            hostKey = key.line
            machineID = identity?.machineID?.description
        }
    }

    package struct Output: Codable, Equatable, Sendable {
        package var bytes: Int64
        package var file: String
        /// Size of the image when it is unpacked; nil for a tree.
        package var rawBytes: Int64?
        /// Digest of the image when it is unpacked; nil for a tree, and for a packed image where nobody asked for it.
        package var rawSHA256: String?
        package var sha256: String

        package init(bytes: Int64, file: String, rawSHA256: String? = nil, sha256: String) {
            self.bytes = bytes
            self.file = file
            self.rawSHA256 = rawSHA256
            self.sha256 = sha256
        }

        enum CodingKeys: String, CodingKey {
            case bytes, file, sha256
            case rawBytes = "raw_bytes"
            case rawSHA256 = "raw_sha256"
        }
    }

    /// Packages and commands of the profile. The commands are not recorded, as a password may be in them.
    package struct Programs: Codable, Equatable, Sendable {
        /// Name of the file beside the image with all that they printed; others than the owner may not read it.
        package var log: String
        /// Whether they could use the network of the machine.
        package var network: Bool
        /// Installed packages, each as `name:architecture=version`, sorted.
        package var packagesBefore: [String]
        package var packagesAfter: [String]

        package init(log: String, network: Bool, packagesBefore: [String], packagesAfter: [String]) {
            self.log = log
            self.network = network
            self.packagesBefore = packagesBefore
            self.packagesAfter = packagesAfter
        }

        enum CodingKeys: String, CodingKey {
            case log, network
            case packagesBefore = "packages_before"
            case packagesAfter = "packages_after"
        }
    }

    package struct Tool: Codable, Equatable, Sendable {
        package var name: String
        package var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    package struct Change: Codable, Equatable, Sendable {
        package var action: Action
        /// Null when there was nothing, when it is no file, or when it is a secret.
        package var oldSHA256: String?
        package var newSHA256: String?
        package var path: String
        package var partition: String
        package var reason: String
        package var secret: Bool

        package enum Action: String, Codable, Sendable { case create, change, remove }

        enum CodingKeys: String, CodingKey {
            case action, path, partition, reason, secret
            case oldSHA256 = "old_sha256"
            case newSHA256 = "new_sha256"
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(action, forKey: .action)
            try container.encode(oldSHA256, forKey: .oldSHA256)
            try container.encode(newSHA256, forKey: .newSHA256)
            try container.encode(path, forKey: .path)
            try container.encode(partition, forKey: .partition)
            try container.encode(reason, forKey: .reason)
            try container.encode(secret, forKey: .secret)
        }
    }

    enum CodingKeys: String, CodingKey {
        case base, changes, cluster, engine, identity, medium, output, plan, programs, reproducible, settings, slot,
            tool, warnings
        case sourceDateEpoch = "source_date_epoch"
    }
}

extension Manifest.Change {
    /// The record of one change; `nil` digests where the manifest must not give them.
    package init(_ change: Plans.Change) {
        self.init(
            action: change.old == nil ? .create : change.wanted == nil ? .remove : .change,
            oldSHA256: Self.digest(of: change.old, isSecret: change.edit.isSecret),
            newSHA256: Self.digest(of: change.wanted, isSecret: change.edit.isSecret),
            path: change.edit.target.path.description,
            partition: change.edit.target.partition.rawValue,
            reason: change.edit.reason,
            secret: change.edit.isSecret)
    }

    private static func digest(of node: FileNode?, isSecret: Bool) -> String? {
        if isSecret { return nil }
        switch node?.content {
        case .file(let bytes)?: return SHA256.digest(of: bytes.span.bytes).description
        case .stored(let file)?: return file.sha256.isEmpty ? nil : file.sha256
        default: return nil
        }
    }
}

extension Manifest {
    /// The text of its file.
    package func document() throws(ForgeError) -> [UInt8] {
        try JSON.encode(VersionedDocument(self, schema: "piforge/manifest/1"))
    }

    /// Writes it beside the output that it is of, which is whole.
    package func write(to path: String, replacing: Bool) throws(ForgeError) {
        let bytes = try document()
        let file = try OutputFile(path: path, mode: 0o666, replacing: replacing)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
    }
}
