import ArgumentParser
import Forge
import Reports

struct FlashCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flash",
        abstract: "Write an image to a card, read it back, and never to the wrong disk.",
        discussion: """
            The image may be raw, .xz, .gz, .zst, .bz2 or .zip. Only blocks that its file systems use are written; the \
            partition table comes last, after everything else was read back past the page cache and compared. Old partition \
            tables and signatures are erased. Nothing is ever chosen for you: a disk must be named, must be a card that nothing \
            uses (piforge devices), and the slot or the last four characters of its serial must be typed.

              piforge devices
              piforge flash sg1-p3.img /dev/sdb
              piforge flash sg1-p3.img.xz /dev/disk/by-id/usb-Generic-_SD_MMC_2012-0:0
              piforge flash sg1-p3.img /dev/sdb --changed-only    # same base: seconds
              piforge flash sg1-p3.img /dev/sdb --grow            # root fills the card
              piforge flash sg1-p3.img /dev/sdb --yes --expect-serial 058F63666485

            Exit codes: 73 the disk is not one to be written, 74 the card or its reader failed, 77 no right to write it \
            (the message names the command that gives it), 1 is not used.
            """)

    @Argument(help: ArgumentHelp("The image, raw or packed.", valueName: "image"))
    var imagePath: UserPath

    @Argument(
        help: ArgumentHelp(
            "The whole card, as /dev/sdb or any link to it; several get the same image.", valueName: "device"),
        completion: .devices)
    var devices: [String]

    @OptionGroup var cards: CardOptions

    @OptionGroup var answer: ReportOptions

    func run() throws {
        let image = imagePath.path
        try answer.apply()
        let name = image.fileName
        let label = Flash.label(ofRaw: image)
        let targets = devices.map { path in
            CardTarget(
                path: path, name: label.map { "\($0.name) (\(name))" } ?? name, label: label?.cardName, slot: nil)
        }
        let held = try cards.open(targets, image: 0, reading: [image])
        let flash = try Flash(path: image, cache: Environment.current.cache(), observe: { Terminal.shared.show($0) })
        // What a packed image is, is only known now; where the person was asked, the question has named the old card.
        for card in held where !cards.canAsk && !cards.replaceCard {
            if let old = card.label, old.cardName != flash.label?.cardName { throw card.otherCard }
        }
        let results = flash.write(
            to: held.map(\.device), labels: held.map(\.label), changedOnly: cards.changedOnly,
            growing: cards.grow, observe: { Terminal.shared.show($0) })
        Terminal.shared.clear()
        var report = CardReport()
        for (card, result) in zip(held, results) {
            report.add(card, slot: flash.label?.slot, image: image, result)
        }
        try report.finish(json: answer.json)
    }
}
