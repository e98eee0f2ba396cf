import ArgumentParser
import Cards

struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices",
        abstract: "List the cards that could be written, and on request why no other disk is.",
        discussion: """
            A card is what is in a USB reader or an SD slot, is not write-protected, holds at most 256 GiB, and is used by \
            nothing: no mount, no swap, no array, no volume group, no loop device, on any of its partitions. Soldered memory \
            (eMMC), NVMe and SATA disks and loop devices are not offered; flash and build --device take them only with their \
            whole serial.

              piforge devices
              piforge devices --all            # every other disk, too, and why not
              piforge devices --json | jq -r '.devices[] | [.path, .serial, .bytes] | @tsv'

            Reading which slot a card was made for takes the right to read the device.
            """)

    @Flag(help: "Also list disks that are no candidates, with the reasons.")
    var all = false

    @Flag(help: "Take disks of more than 256 GiB for candidates.")
    var allowLarge = false

    @OptionGroup var answer: JSONOptions

    func run() throws {
        try answer.apply()
        let list = DeviceList(.read(), guard: DeviceGuard(allowsLarge: allowLarge), all: all)
        if answer.json {
            try Output.json(list, as: .devices)
        } else {
            for line in list.text { Output.line(line) }
        }
    }
}
