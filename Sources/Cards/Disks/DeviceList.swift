package import Images
import Reports

/// What `devices` prints: the disks that a card could be, and on request all others with the reason against each.
package struct DeviceList: Encodable, Sendable {
    package var devices: [Entry]

    package struct Entry: Encodable, Sendable {
        package var bus: String
        package var bytes: Int64
        package var candidate: Bool
        /// The card label, when there is one and it may be read.
        package var card: CardLabel?
        package var model: String?
        package var partitions: [Part]
        package var path: String
        /// Why not; empty for a candidate.
        package var reasons: [String]
        package var removable: Bool
        package var sectorBytes: Int
        package var serial: String?
        package var vendor: String?

        enum CodingKeys: String, CodingKey {
            case bus, bytes, candidate, card, model, partitions, path, reasons, removable, serial, vendor
            case sectorBytes = "sector_bytes"
        }
    }

    package struct Part: Encodable, Sendable {
        package var bytes: Int64
        package var name: String
    }

    /// `all`: also those that are no candidates. `card` reads what is on a disk, nil where it cannot be read.
    package init(
        _ inventory: DiskInventory, guard deviceGuard: DeviceGuard, all: Bool,
        card: (Disk) -> CardLabel? = { CardLabel.read(fromDevice: $0.path) }
    ) {
        devices = inventory.disks.compactMap { disk in
            let reasons = deviceGuard.refusals(of: disk)
            // A loop device that nothing is attached to, and memory, is no disk in anybody's eyes.
            let isEmpty = disk.byteCount == 0 && (disk.bus == .loop || disk.bus == .virtual)
            guard reasons.isEmpty || all && !isEmpty else { return nil }
            return Entry(
                bus: disk.bus.rawValue, bytes: disk.byteCount, candidate: reasons.isEmpty,
                card: reasons.isEmpty ? card(disk) : nil, model: disk.model,
                partitions: disk.partitions.map { Part(bytes: $0.byteCount, name: $0.name) }, path: disk.path,
                reasons: reasons.map(\.description), removable: disk.isRemovable, sectorBytes: disk.sectorSize,
                serial: disk.serial, vendor: disk.vendor)
        }
    }

    /// One line a disk, and below it what is on it and why not.
    package var text: [String] {
        if devices.isEmpty {
            return ["no card is in; piforge devices --all lists the other disks and why they are none"]
        }
        return devices.flatMap { entry in
            let product = [entry.vendor, entry.model].compactMap { $0 }.joined(separator: " ")
            let size = entry.bytes == 0 ? "no medium" : "\(ByteCount(entry.bytes)) (\(entry.bytes) bytes)"
            let first = [product, size, entry.bus, entry.serial.map { "serial \($0)" } ?? "no serial"]
            var lines = ["\(entry.path)  \(first.filter { !$0.isEmpty }.joined(separator: ", "))"]
            if !entry.partitions.isEmpty {
                lines.append(
                    "  partitions: "
                        + entry.partitions.map { "\($0.name) \(ByteCount($0.bytes))" }.joined(separator: ", "))
            }
            if let card = entry.card { lines.append("  card: \(card.summary)") }
            return lines + entry.reasons.map { "  not written: \($0)" }
        }
    }
}
