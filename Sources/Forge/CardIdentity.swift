package import Bases
import Blocks
import FoundationEssentials
import Glibc
package import Images
import Plans
package import Reports
import Tables
import Trees
import Volumes

/// Which card an image or device is, and what of it is not any more as it was made.
package struct CardIdentity: Encodable, Sendable {
    package var label: CardLabel
    /// The manifest that it was compared with; nil when there was none.
    package var manifest: String?
    /// Whether the whole file is to the byte what the manifest says; nil when that was not asked or is another way of
    /// writing it (a card).
    package var identical: Bool?
    /// Paths of the manifest that were compared.
    package var compared = 0
    package var differences: [Difference] = []

    enum CodingKeys: String, CodingKey {
        case manifest, identical, compared, differences
        // The name in the JSON that `identify` prints is part of its interface.
        case label = "note"
    }

    package struct Difference: Encodable, Equatable, Sendable {
        package var partition: String
        package var path: String
        /// "is missing", "has other content", "is there again".
        package var what: String
    }

    /// Reads a device or image; `manifestPath` nil looks beside an image, and for a card in the current folder.
    package static func of(
        _ path: String, manifestPath: String?, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> CardIdentity {
        let reader = try open(path, cache: cache, observe: observe)
        guard
            let label = try wrapping(
                CardLabel.read(from: reader), as: { (error: BlockError) in ForgeError(error, reading: path) })
        else {
            // Whatever is wrong with the partitions is the true reason.
            _ = try PartitionTableError.wrapping(SystemPartitions(of: reader))
            throw ForgeError(
                .badInput, "could not tell which card \(path) is: there is no note of piforge's on its boot partition",
                hint: "piforge inspect tells what an image is")
        }
        var identity = CardIdentity(label: label)
        let found: OutputManifest?
        if let manifestPath {
            found = try .read(manifestPath)
        } else {
            found = try isDevice(path) ? cardManifest(label) : .beside(path)
        }
        guard let found else { return identity }
        let manifest = found.manifest
        guard manifest.slot == label.slot, manifest.cluster == label.cluster else {
            let other = manifest.cluster.map { "\(manifest.slot) of \($0)" } ?? manifest.slot
            throw ForgeError(
                .badInput, "could not compare \(path) with \(found.path): that is of \(other), this is \(label.name)",
                hint: "--manifest FILE names another")
        }
        identity.manifest = found.path
        if !isDevice(path) { identity.identical = try found.describesBytes(of: path) }
        if identity.identical != true { try identity.compare(reader, with: manifest) }
        return identity
    }

    private static func open(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> any BlockReader {
        if isDevice(path) {
            return try wrapping(FileReader(path: path), as: { opening($0, path) })
        }
        return try BaseImage.openBytes(
            of: ImageSource(path: path, sha256: nil), cache: cache, observe: observe
        ).reader
    }

    private static func opening(_ error: BlockError, _ path: String) -> ForgeError {
        var failure = ForgeError(error, reading: path)
        if failure.kind == .permission { failure.hint = "sudo piforge identify \(ForgeError.quoted(path))" }
        return failure
    }

    private static func isDevice(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
    }

    /// Where `build --device` leaves the manifest of a card: in the current folder.
    private static func cardManifest(_ label: CardLabel) throws(ForgeError) -> OutputManifest? {
        let stem = label.cluster.map { "\($0)-\(label.slot)" } ?? label.slot
        let names: [String] = [stem + ".card.manifest.json", stem + ".manifest.json"]
        let found = names.first { access($0, R_OK) == 0 }
        guard let found else { return nil }
        return try .read(found)
    }
}

// MARK: - Comparing by path

extension CardIdentity {
    private mutating func compare(_ reader: any BlockReader, with manifest: Manifest) throws(ForgeError) {
        let system = try PartitionTableError.wrapping(SystemPartitions(of: reader))
        let (boot, root) = try system.volumes(on: Overlay(over: reader))
        for change in manifest.changes {
            guard let partition = Target.Partition(rawValue: change.partition), let path = VolumePath(change.path)
            else {
                continue
            }
            try Interruption.check()
            compared += 1
            try wrapping(on: partition) { () throws(VolumeError) in
                let volume = partition == .boot ? boot : root
                if let what = try Self.difference(from: change, at: path, of: volume) {
                    differences.append(Difference(partition: change.partition, path: change.path, what: what))
                }
            }
        }
    }

    private static func difference(
        from change: Manifest.Change, at path: VolumePath, of volume: any ReadableVolume
    ) throws(VolumeError) -> String? {
        let status = try volume.status(at: path)
        if change.action == .remove { return status == nil ? nil : "is there again" }
        guard status != nil else { return "is missing" }
        guard let wanted = change.newSHA256, let content = try volume.content(at: path) else { return nil }
        var hasher = SHA256()
        var offset: Int64 = 0
        while offset < content.byteCount {
            let count = Int(min(StoredFile.pieceSize, content.byteCount - offset))
            let piece = try content.bytes(at: offset, count: count)
            hasher.update(piece.span.bytes)
            offset += Int64(count)
        }
        return hasher.finalize().description == wanted ? nil : "has other content"
    }
}

extension CardIdentity {
    /// Whether all that was compared is as it was made.
    package var isAsMade: Bool { identical != false && differences.isEmpty }

    /// Seconds since 1970 as a person reads them: `2025-11-24T09:12:03Z`.
    private var time: String { Date(timeIntervalSince1970: Double(label.sourceDateEpoch)).formatted(.iso8601) }

    package var text: [String] {
        var lines = [
            "card         \(label.name)", "made by      \(label.tool.name) \(label.tool.version)",
            "base         \(label.base)", "files dated  \(time)",
        ]
        if let settings = label.settings { lines.append("settings     \(settings)") }
        guard let manifest else { return lines + ["manifest     none found; --manifest FILE names it"] }
        if identical == true { return lines + ["manifest     \(manifest): the image is to the byte what was made"] }
        if identical == false {
            lines.append("bytes        not those that \(manifest) was written for")
        }
        guard !differences.isEmpty else {
            return lines + ["manifest     \(manifest): all \(compared) changed paths are as they were made"]
        }
        lines.append(
            "manifest     \(manifest): \(differences.count) of \(compared) changed paths are not as they were made")
        return lines + differences.map { "  \($0.partition):\($0.path) \($0.what)" }
    }
}
