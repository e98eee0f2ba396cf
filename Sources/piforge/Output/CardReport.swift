import ArgumentParser
import Cards
import Reports

/// What became of each card, reported at the end.
struct CardReport: Encodable {
    private(set) var cards: [Entry] = []
    private var failures: [ForgeError] = []

    struct Entry: Encodable {
        var bytesCompared: Int64?
        var bytesErased: Int64?
        var bytesMapped: Int64?
        var bytesVerified: Int64?
        var bytesWritten: Int64?
        var device: String
        var error: Failure?
        /// `filled`, or `first_boot` where it was left to that.
        var grown: String?
        var image: String
        var imageBytes: Int64?
        var manifest: String?
        var ok: Bool
        var retries: Int?
        var rootBytes: Int64?
        var serial: String?
        var sha256: String?
        var slot: String?

        enum CodingKeys: String, CodingKey {
            case device, error, grown, image, manifest, ok, retries, serial, sha256, slot
            case bytesCompared = "bytes_compared"
            case bytesErased = "bytes_erased"
            case bytesMapped = "bytes_mapped"
            case bytesVerified = "bytes_verified"
            case bytesWritten = "bytes_written"
            case imageBytes = "image_bytes"
            case rootBytes = "root_bytes"
        }
    }

    struct Failure: Encodable {
        var hint: String?
        var kind: String
        var message: String
    }

    enum CodingKeys: String, CodingKey { case cards }

    mutating func add(
        _ card: OpenCard, slot: String?, image: String, manifest: String? = nil,
        _ result: Result<CardOutcome, ForgeError>
    ) {
        var entry = Entry(
            device: card.target.path, image: image, manifest: manifest, ok: false, serial: card.device.disk.serial,
            slot: slot)
        switch result {
        case .success(let outcome):
            entry.ok = true
            entry.bytesCompared = outcome.comparedByteCount
            entry.bytesErased = outcome.erasedByteCount
            entry.bytesMapped = outcome.mappedByteCount
            entry.bytesVerified = outcome.checkedByteCount
            entry.bytesWritten = outcome.writtenByteCount
            entry.imageBytes = outcome.imageByteCount
            entry.retries = outcome.retries
            entry.sha256 = outcome.digest?.description
            entry.tell(outcome.growth)
            if !Output.isJSON { Output.line(Self.line(entry, outcome)) }
            if !outcome.isTableRead {
                Output.note(
                    "note: the kernel did not read \(entry.device)'s new partitions; take the card out and put it in")
            }
        case .failure(let error):
            entry.error = Failure(hint: error.hint, kind: error.kind.name, message: error.message)
            failures.append(error)
        }
        cards.append(entry)
    }

    private static func line(_ entry: Entry, _ outcome: CardOutcome) -> String {
        let what = entry.slot.map { "\($0)  " } ?? ""
        let compared = outcome.comparedByteCount > 0 ? "\(ByteCount(outcome.comparedByteCount)) compared, " : ""
        let root = entry.rootBytes.map { ", root grown to \(ByteCount($0))" } ?? ""
        let again = outcome.retries > 0 ? ", \(outcome.retries) ranges at the second try" : ""
        return
            "\(entry.device)  \(what)\(compared)\(ByteCount(outcome.writtenByteCount)) written and read back\(root)\(again)"
    }

    /// What kept the card that was added last from being written; it is forgotten, for it will be tried again.
    mutating func takeLastFailure() -> ForgeError? {
        guard cards.last?.ok == false else { return nil }
        cards.removeLast()
        return failures.popLast()
    }

    /// Prints the document, says what failed, and ends with the first failure's code.
    func finish(json: Bool) throws {
        if json { try Output.json(self, as: .cards) }
        // Who sent a signal wants to see it, whatever else failed.
        guard let first = failures.first(where: { $0.kind == .interrupted }) ?? failures.first else { return }
        for failure in failures { Output.fail(failure) }
        throw ExitCode(first.exitCode)
    }
}

extension CardReport.Entry {
    /// What became of the root partition that should fill the card.
    fileprivate mutating func tell(_ growth: CardOutcome.Growth?) {
        switch growth {
        case nil: break
        case .filled(let count): (grown, rootBytes) = ("filled", count)
        case .leftToFirstBoot:
            grown = "first_boot"
            Output.note(
                "note: \(device): the first boot makes the root partition fill the card, so it was not done here")
        }
    }
}
