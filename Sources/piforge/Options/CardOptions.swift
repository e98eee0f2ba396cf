import ArgumentParser
import Cards
import Images
import Plans
import Reports

/// What `flash` and `build --device` share: how the person says that a disk may be overwritten.
struct CardOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Do not ask; takes --expect-serial or --expect-size, so that a disk that got the name in the meantime is safe."
        ))
    var yes = false

    @Option(
        help: ArgumentHelp(
            "Refuse any disk whose serial is another (piforge devices shows it). With several cards: p1=SERIAL. A disk that is no card is only written with this.",
            valueName: "[slot=]serial"))
    var expectSerial: [String] = []

    @Option(help: ArgumentHelp("Refuse any disk that does not hold exactly so many bytes.", valueName: "bytes"))
    var expectSize: Int64?

    @Flag(help: "Also write disks of more than 256 GiB.")
    var allowLarge = false

    @Flag(help: "With --yes, also overwrite a card of another slot or cluster.")
    var replaceCard = false

    @Flag(help: "Rewrite only the blocks that differ, on a card that was made from the same base.")
    var changedOnly = false

    @Flag(
        help: ArgumentHelp(
            "Make the root partition and its file system fill the card, so that no boot has to. Left out, with a note, where the first boot does it anyway."
        ))
    var grow = false

    /// The first option that means nothing without a card.
    var firstForCards: String? {
        if yes { return "--yes" }
        if !expectSerial.isEmpty { return "--expect-serial" }
        if expectSize != nil { return "--expect-size" }
        if allowLarge { return "--allow-large" }
        if replaceCard { return "--replace-card" }
        if changedOnly { return "--changed-only" }
        return grow ? "--grow" : nil
    }

    /// Whether the person will be asked.
    var canAsk: Bool { !yes && StandardInput.isTerminal }

    /// Opens all devices for this process alone, and asks, before anything slow begins. `image` is 0 while unknown;
    /// `sources` is what will be read, and must not lie on one of them.
    func open(_ targets: [CardTarget], image: Int64, reading sources: [String]) throws -> [OpenCard] {
        try checkConsent(targets)
        var numbers: [DeviceNumber: String] = [:]
        for target in targets {
            let number = try ExclusiveDevice.number(of: target.path)
            if let other = numbers.updateValue(target.path, forKey: number) {
                throw ForgeError(
                    .usage, "could not write \(target.path): \(other) is the same disk",
                    hint: "every card needs a device of its own")
            }
        }
        var cards: [OpenCard] = []
        for target in targets {
            let guarding = DeviceGuard(
                imageByteCount: image, allowsLarge: allowLarge, expectedSerial: try serial(for: target, of: targets),
                expectedByteCount: expectSize)
            let device = try ExclusiveDevice(path: target.path, guard: guarding, canAsk: canAsk)
            cards.append(OpenCard(target: target, device: device, label: CardLabel.read(fromDevice: target.path)))
        }
        for card in cards { try BackingStore.check(card: card.target.path, isNoneOf: sources) }
        for card in cards { try confirm(card) }
        return cards
    }

    private func checkConsent(_ targets: [CardTarget]) throws {
        if canAsk || yes && (!expectSerial.isEmpty || expectSize != nil) { return }
        let paths = targets.map(\.path).joined(separator: " and ")
        throw ForgeError(
            .usage,
            yes
                ? "could not write \(paths): --yes needs to know which disk is meant"
                : "could not write \(paths): nobody is there to be asked",
            hint: "--yes --expect-serial SERIAL, as piforge devices shows it")
    }

    private func serial(for target: CardTarget, of targets: [CardTarget]) throws -> String? {
        for text in expectSerial {
            guard let sign = text.firstIndex(of: "="), Slot.recorded(String(text[..<sign])) != nil else {
                guard targets.count == 1 else {
                    throw ForgeError(
                        .usage, "could not use --expect-serial \(text): there are several cards",
                        hint: "--expect-serial p1=\(text)")
                }
                return text
            }
            if String(text[..<sign]) == target.slot?.name { return String(text[text.index(after: sign)...]) }
        }
        guard expectSerial.isEmpty || canAsk || expectSize != nil else {
            throw ForgeError(
                .usage, "could not write \(target.path): no --expect-serial is for it",
                hint: "--expect-serial \(target.slot?.name ?? "p1")=SERIAL")
        }
        return nil
    }

    private func confirm(_ card: OpenCard) throws {
        if !canAsk {
            guard card.isOfOther, !replaceCard else { return }
            throw card.otherCard
        }
        let question = CardQuestion(
            card.device.disk, becomes: card.target.name, slot: card.target.label?.slot, content: card.label?.summary)
        Output.prompt(question.text)
        let answer = try StandardInput.line() ?? ""
        guard question.isYes(answer) else {
            throw ForgeError(
                .cannotCreate, "could not write \(card.target.path): the answer was none of those asked for",
                hint: "nothing was written")
        }
    }
}

/// A device that shall become something.
struct CardTarget {
    var path: String
    /// What it becomes, for the person.
    var name: String
    /// What the card will say of itself; nil when it will not, or nobody knows yet.
    var label: CardLabel.Name?
    var slot: Slot?
}

/// A disk that is held, with what is on it now.
struct OpenCard {
    var target: CardTarget
    var device: ExclusiveDevice
    var label: CardLabel?

    /// Whether what is on it is another machine's.
    var isOfOther: Bool { label.map { $0.cardName != target.label } ?? false }

    var otherCard: ForgeError {
        ForgeError(
            .cannotCreate, "could not write \(target.path): it is the card \(label?.name ?? "of another slot")",
            hint: "if it shall be overwritten, add --replace-card")
    }
}
