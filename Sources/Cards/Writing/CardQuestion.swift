import Readers
import Reports

/// What a person must type before a disk is overwritten; never just "y".
package struct CardQuestion: Equatable, Sendable {
    package var text: String
    /// Any one of these is a yes.
    package var answers: [String]

    /// For a card, the slot it becomes or the end of its serial; for any other disk, its whole serial.
    package init(_ disk: Disk, becomes what: String, slot: String?, content: String?) {
        let serial = disk.serial
        var ways: [String] = []
        answers = []
        if !disk.bus.holdsCards {
            if let serial { answers.append(serial) }
            ways.append("its whole serial, as it is no card but \(disk.bus.phrase)")
        } else {
            if let slot {
                answers.append(slot)
                ways.append("the slot, \(slot)")
            }
            if let serial, !serial.isEmpty {
                answers.append(String(serial.suffix(4)))
                ways.append("the last four characters of its serial")
            }
            if answers.isEmpty {
                answers.append(disk.name)
                ways.append("its name, \(disk.name)")
            }
        }
        let parts = disk.partitions.map { "\($0.name) \(ByteCount($0.byteCount))" }.joined(separator: ", ")
        text = """
            \(disk.path): \(disk.summary)
            on it now: \(content ?? (parts.isEmpty ? "no partitions" : parts))
            All of it is lost when it becomes \(what).
            To go on, type \(ways.joined(separator: ", or ")):\u{20}
            """
    }

    package func isYes(_ answer: String) -> Bool { answers.contains(answer.trimmedBlanks) }
}
