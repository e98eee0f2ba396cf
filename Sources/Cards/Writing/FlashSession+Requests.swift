import Plans
import Reports
import Tables
import Volumes

extension FlashSession {
    /// The writers of all cards that can become the image; for the others `finished` gets the reason. No card is written.
    func prepare(_ finished: Finish) -> [SharedCardWriter] {
        let table = try? PartitionTable.read(from: base)
        var jobs: [SharedCardWriter] = []
        for (requestIndex, request) in requests.enumerated() {
            do throws(ForgeError) {
                try checkSize(of: request.medium)
                if let table { try checkSectors(of: request.medium, table) }
                if isChangedOnly { try checkOrigin(of: request) }
                jobs.append(try job(for: request, at: requestIndex, table))
            } catch {
                finished(requestIndex, .failure(error))
            }
        }
        return jobs
    }

    private func job(
        for request: CardRequest, at requestIndex: Int, _ table: PartitionTable?
    ) throws(ForgeError) -> SharedCardWriter {
        let size = request.medium.byteCount
        let fills = isGrowing || isChangedOnly && isFilled(request.medium, table)
        let decision =
            try fills
            ? CardGrowth.decide(base, changedBy: request.patch, used: request.used, fillingUpTo: size) : .full
        var (patch, used, isGrown) = (request.patch, request.used, false)
        var partitions = table?.partitions.map(\.range) ?? []
        if case .grow(let growth) = decision {
            (patch, used, isGrown) = (growth.patch, growth.used, true)
            partitions = partitions.map { $0 == growth.root.old ? growth.root.new : $0 }
        }
        let map = WriteMap(
            used: used, partitions: partitions, imageByteCount: base.byteCount, mediumByteCount: size,
            isGrown: isGrown)
        return SharedCardWriter(
            request, at: requestIndex, map: map, patch: patch, growth: CardOutcome.Growth(decision),
            isChangedOnly: isChangedOnly, wantsDigest: wantsDigest)
    }

    /// A card's size is known before the image's.
    private func checkSize(of medium: any CardMedium) throws(ForgeError) {
        guard base.byteCount > medium.byteCount else { return }
        let reason = DeviceGuard.Refusal.tooSmall(image: base.byteCount, disk: medium.byteCount)
        throw ForgeError(
            .cannotCreate, "could not write \(medium.path): \(reason)", hint: "use a larger card")
    }

    /// The kernel and the firmware take a table's numbers for sectors of the card's own size, so that nothing would be
    /// where the table says. An MBR does not hold its sectors' size; whether partitions are found there shows it.
    private func checkSectors(of medium: any CardMedium, _ table: PartitionTable) throws(ForgeError) {
        guard table.sectorSize != medium.sectorSize else { return }
        if case .mbr = table.scheme, (try? table.findSystem(in: base)) == nil { return }
        throw ForgeError(
            .cannotCreate,
            "could not write \(medium.path): its sectors have \(medium.sectorSize) bytes, and the image's partition table "
                + "counts sectors of \(table.sectorSize)",
            hint: "use another card or reader: with sectors of \(table.sectorSize) bytes, as SD cards have them")
    }

    /// Throws unless the card can be changed in part to become an image of this base.
    private func checkOrigin(of request: CardRequest) throws(ForgeError) {
        if let label = request.label, let origin, label.base == origin { return }
        let what =
            request.label.map { "it was made from base \($0.base.prefix(12))" } ?? "it holds no card of piforge's"
        throw ForgeError(
            .cannotCreate, "could not rewrite only what differs on \(request.medium.path): \(what)",
            hint: "without --changed-only all of it is written")
    }

    /// Whether the card's root partition is larger than the image's: it was grown here or by its first boot.
    private func isFilled(_ medium: any CardMedium, _ table: PartitionTable?) -> Bool {
        guard let root = try? table?.findSystem(in: base).root.range,
            let present = try? PartitionTable.read(from: MediumReader(medium: medium))
        else { return false }
        return present.partitions.contains {
            $0.range.lowerBound == root.lowerBound && $0.range.upperBound > root.upperBound
        }
    }
}

extension CardOutcome.Growth {
    init?(_ decision: CardGrowth.Decision) {
        switch decision {
        case .full: return nil
        case .leftToFirstBoot: self = .leftToFirstBoot
        case .grow(let growth): self = .filled(rootByteCount: growth.root.new.upperBound - growth.root.new.lowerBound)
        }
    }
}
