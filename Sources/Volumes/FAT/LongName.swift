import Trees

/// A name of up to 255 UTF-16 units, stored in the slots before a short entry, its last part first.
///
/// Source: fatgen103, "FAT Long Directory Entries".
///
///     0x00 1  part number, 0x40 on the first slot   0x0D 1  checksum of the short name   0x1A 2  zero
///     0x01 10 units 1-5                             0x0E 12 units 6-11                   0x1C 4  units 12-13
///     0x0B 1  attributes 0x0F, 0x0C zero            a shorter name ends in 0000 and FFFF
enum LongName {
    static let unitsPerSlot = 13
    static let unitLimit = 255

    private static let unitOffsets = [0x01, 0x03, 0x05, 0x07, 0x09, 0x0E, 0x10, 0x12, 0x14, 0x16, 0x18, 0x1C, 0x1E]
    private static let lastPart: UInt8 = 0x40

    /// The slots in front of the short entry, in the order on the disk.
    static func slots(for name: String, checksum: UInt8) -> [[UInt8]] {
        let units = Array(name.utf16)
        let count = (units.count + unitsPerSlot - 1) / unitsPerSlot
        return (0..<count).reversed().map { part in
            var slot = [UInt8](repeating: 0, count: DirectoryEntry.byteCount)
            slot[0] = UInt8(truncatingIfNeeded: part + 1) | (part == count - 1 ? lastPart : 0)
            slot[0x0B] = DirectoryEntry.Attributes.longName.rawValue
            slot[0x0D] = checksum
            for (index, offset) in unitOffsets.enumerated() {
                let position = part * unitsPerSlot + index
                let unit: UInt16 = position < units.count ? units[position] : position == units.count ? 0 : 0xFFFF
                slot.set(unit, at: offset)
            }
            return slot
        }
    }

    /// Puts the parts together while a folder is read from its start.
    struct Assembler {
        private var units: [UInt16] = []
        private var nextPart: UInt8 = 0
        private var checksum: UInt8 = 0
        /// Slots taken so far.
        private(set) var slotCount = 0

        /// Forgets everything: the slot was deleted or is no part of a name.
        mutating func reset() { self = Assembler() }

        /// Takes one slot of 32 bytes whose attributes say that it is a part.
        mutating func take(_ slot: [UInt8]) {
            let number = slot[0] & 0x3F
            if slot[0] & LongName.lastPart != 0 {
                reset()
                guard (1...20).contains(number) else { return }
                checksum = slot[0x0D]
            } else if slotCount == 0 || number != nextPart || number == 0 || slot[0x0D] != checksum {
                return reset()
            }
            nextPart = number - 1
            slotCount += 1
            units = LongName.unitOffsets.map { slot.span.u16(at: $0) } + units
        }

        /// The name before a short entry with this checksum; nil when it is incomplete, foreign or no legal name.
        func name(checksum: UInt8) -> String? {
            guard slotCount > 0, nextPart == 0, checksum == self.checksum else { return nil }
            let text = String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
            let isShort = units.prefix { $0 != 0 }.count <= LongName.unitLimit
            return isShort && VolumePath(components: [text]) != nil ? text : nil
        }
    }

    /// Why a name with such a character is refused.
    static let forbidden = "FAT allows none of \" * / : < > ? \\ | and no control characters"

    /// Throws `invalidName` unless a new file may be called `name` (fatgen103; reserved: DOS devices).
    static func check(_ name: String) throws(VolumeError) {
        let characters = "\"*/:<>?\\|\u{7F}".unicodeScalars
        for scalar in name.unicodeScalars where scalar.value < 0x20 || characters.contains(scalar) {
            throw .invalidName(name, reason: Self.forbidden)
        }
        guard let last = name.unicodeScalars.last, last != ".", last != " " else {
            throw .invalidName(name, reason: "FAT allows no dot and no space at the end")
        }
        guard name.utf16.count <= unitLimit else {
            throw .invalidName(name, reason: "\(name.utf16.count) UTF-16 units are more than FAT's 255")
        }
        let stem = String(name.prefix { $0 != "." }).uppercased()
        let ports = (1...9).flatMap { ["COM\($0)", "LPT\($0)"] }
        guard !(["CON", "PRN", "AUX", "NUL"] + ports).contains(stem) else {
            throw .invalidName(name, reason: "\(stem) is a device in DOS and Windows")
        }
    }

    /// What two names have in common that mean the same file: upper case, letter by letter.
    static func folded(_ name: String) -> [UInt32] {
        name.unicodeScalars.map { scalar in
            if scalar.isASCII { return (0x61...0x7A).contains(scalar.value) ? scalar.value - 0x20 : scalar.value }
            let upper = scalar.properties.uppercaseMapping.unicodeScalars
            return upper.count == 1 ? upper.first?.value ?? scalar.value : scalar.value
        }
    }
}
