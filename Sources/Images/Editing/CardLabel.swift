package import Blocks
import FoundationEssentials
import Plans
import Reports
import Tables
import Trees
import Volumes

/// The small file on a card's boot partition by which the card is known later: which slot of which cluster, made of
/// what. It holds no secrets and no wall clock, so that equal builds stay equal.
package struct CardLabel: Codable, Equatable, Sendable {
    /// `fingerprint` of the base; of a card made from a card, that of the first base.
    package var base: String
    package var cluster: String?
    /// SHA-256 of the slot's own settings (`Request.settingsDigest`), secrets left out; nil without a profile.
    package var settings: String?
    package var slot: String
    /// Seconds since 1970-01-01 UTC that changed files were given.
    package var sourceDateEpoch: Int64
    package var tool: Manifest.Tool

    enum CodingKeys: String, CodingKey {
        case base, cluster, settings, slot, tool
        case sourceDateEpoch = "source_date_epoch"
    }

    package init(
        base: String, cluster: String?, settings: String?, slot: String, sourceDateEpoch: Int64,
        tool: Manifest.Tool = .init(name: "piforge", version: version)
    ) {
        self.base = base
        self.cluster = cluster
        self.settings = settings
        self.slot = slot
        self.sourceDateEpoch = sourceDateEpoch
        self.tool = tool
    }

    /// Reads the label of a card that anybody may have written; nil for what no piforge would write.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count <= 4096, let label = try? JSONDecoder().decode(CardLabel.self, from: Data(bytes)) else {
            return nil
        }
        let words = [label.cluster, label.tool.name, label.tool.version].compactMap { $0 }
        guard Slot.recorded(label.slot) != nil, SHA256Digest(hex: label.base) != nil,
            label.settings.map({ SHA256Digest(hex: $0) != nil }) ?? true,
            words.allSatisfy({ $0.utf8.count <= 255 && $0.utf8.allSatisfy { (0x20..<0x7F).contains($0) } })
        else { return nil }
        self = label
    }

    static let target = Target(.boot, "/piforge.json")

    /// `p3 of sg1`
    package var name: String { cluster.map { "\(slot) of \($0)" } ?? slot }

    /// `p3 of sg1, made by piforge 0.1.0 from base 905335a1e7b9`
    package var summary: String { "\(name), made by \(tool.name) \(tool.version) from base \(base.prefix(12))" }

    /// Which machine of which cluster a card is.
    package struct Name: Equatable, Sendable {
        package var slot: String
        package var cluster: String?

        package init(slot: String, cluster: String?) {
            self.slot = slot
            self.cluster = cluster
        }
    }

    package var cardName: Name { Name(slot: slot, cluster: cluster) }
}

// MARK: - Reading

extension CardLabel {
    /// The label on an image or card; nil when there is none, or nothing that one could be on.
    package static func read(from reader: any BlockReader) throws(BlockError) -> CardLabel? {
        let recorder = FailureRecorder(reader)
        let label = find(in: recorder)
        try recorder.check()
        return label
    }

    private static func find(in reader: any BlockReader) -> CardLabel? {
        guard let table = try? PartitionTable.read(from: reader), let findings = try? table.findings(in: reader) else {
            return nil
        }
        for finding in findings where finding.couldBoot {
            guard let volume = try? finding.partition.openFAT(on: Overlay(over: reader), access: .readOnly),
                let status = try? volume.status(at: target.path), status.byteCount <= 4096,
                case .file(let bytes)? = try? volume.node(at: target.path)?.content
            else { continue }
            if let label = CardLabel(bytes) { return label }
        }
        return nil
    }

    /// SHA-256 over what distinguishes one base from another, however it is packed: the first sector, the boot partition's boot
    /// sector and the root file system's superblock.
    package static func fingerprint(of reader: any BlockReader) throws(BlockError) -> SHA256Digest {
        let recorder = FailureRecorder(reader)
        var parts: [Range<Int64>] = [0..<512]
        if let system = try? SystemPartitions(of: recorder) {
            let (boot, root) = (system.boot.range.lowerBound, system.root.range.lowerBound)
            parts += [boot..<boot + 512, root + 1024..<root + 2048]
        }
        var hasher = SHA256()
        for part in parts {
            guard let bytes = try? recorder.bytes(at: part.lowerBound, count: part.count) else { continue }
            hasher.update(bytes.span.bytes)
        }
        try recorder.check()
        return hasher.finalize()
    }

    /// The label on the card in a device; nil also when the device may not be read.
    package static func read(fromDevice path: String) -> CardLabel? {
        (try? FileReader(path: path)).flatMap { try? read(from: $0) }
    }
}

// MARK: - Planning

/// What a slot's label is made of; what an image says of itself already is kept where it must be.
package struct CardLabelSource {
    /// The base's fingerprint; nil when a finished image is judged, whose label then only has to be of the right card.
    var base: SHA256Digest?
    var cluster: String?
    var settings: SHA256Digest?

    package init(base: SHA256Digest? = nil, cluster: String? = nil, settings: SHA256Digest? = nil) {
        self.base = base
        self.cluster = cluster
        self.settings = settings
    }

    /// The edit that puts the label on the boot partition; nil when there is nothing to be put.
    func edit(for slot: Slot, epoch: Int64, on boot: any ReadableVolume) throws(ForgeError) -> Edit? {
        var old: CardLabel?
        if case .file(let bytes)? = try wrapping(on: .boot, boot.node(at: CardLabel.target.path)?.content) {
            old = CardLabel(bytes)
        }
        guard let label = label(for: slot, epoch: epoch, over: old) else { return nil }
        let node = FileNode(content: .file(try JSON.encode(label)), metadata: .init(mode: 0o644))
        return Edit(CardLabel.target, .put(node), reason: "tells later which card this is")
    }

    private func label(for slot: Slot, epoch: Int64, over old: CardLabel?) -> CardLabel? {
        guard let base else {
            guard var label = old else { return nil }
            (label.slot, label.cluster) = (slot.name, cluster)
            return label
        }
        return CardLabel(
            base: old?.base ?? base.description, cluster: cluster, settings: settings?.description, slot: slot.name,
            sourceDateEpoch: epoch)
    }
}
