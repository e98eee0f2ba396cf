/// A text file of the boot partition as an editor or a power cut left it, and what was meant.
package struct FirmwareText: Equatable, Sendable {
    /// Something that keeps the firmware from a part of it.
    package enum Oddity: Equatable, Sendable {
        /// UTF-16, as PowerShell's `>` writes it: the firmware gets two letters of it.
        case utf16
        /// A UTF-8 byte order mark, which becomes part of the first word.
        case byteOrderMark
        /// A NUL at this byte, at which the firmware stops reading.
        case nul(at: Int)
        /// So many bytes at the end that are no text: 0xFF of an erased flash, or 0x1A of DOS.
        case garbage(Int)
        /// So many no-break spaces, as copied from a web page; they separate no words.
        case noBreakSpaces(Int)
        /// Lines that end in CR alone, as old Macs wrote them.
        case oldLineEnds
    }

    package private(set) var oddities: [Oddity] = []
    /// In UTF-8, without a byte order mark, up to the first NUL after its first letter.
    package private(set) var bytes: [UInt8]

    package init(_ file: [UInt8]) {
        bytes = file
        if let text = Self.utf16(file) {
            oddities.append(.utf16)
            bytes = text
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if bytes.starts(with: mark), oddities.isEmpty { oddities.append(.byteOrderMark) }
        var marks = 0
        while bytes[marks...].starts(with: mark) { marks += mark.count }
        bytes.removeFirst(marks)
        cutAtNul()
        cutGarbage()
        replaceSpaces()
        let returns = bytes.count { $0 == 0x0D }
        if returns > 1, !bytes.contains(0x0A) {
            oddities.append(.oldLineEnds)
            bytes = bytes.map { $0 == 0x0D ? 0x0A : $0 }
        }
    }

    private mutating func cutAtNul() {
        guard let nul = bytes.firstIndex(of: 0) else { return }
        oddities.append(.nul(at: nul))
        let leading = bytes.prefix { $0 == 0 }.count
        if leading < bytes.count { bytes.removeFirst(leading) }
        bytes = Array(bytes.prefix { $0 != 0 })
    }

    private mutating func cutGarbage() {
        let garbage: Set<UInt8> = [0xFF, 0x1A]
        var count = bytes.reversed().prefix { garbage.contains($0) || $0 == 0x0A }.count
        guard bytes.suffix(count).contains(where: garbage.contains) else { return }
        while count > 0, bytes[bytes.count - count] == 0x0A { count -= 1 }
        oddities.append(.garbage(count))
        bytes.removeLast(count)
    }

    private mutating func replaceSpaces() {
        var found = 0
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == 0xC2, rest.first == 0xA0 {
                rest.removeFirst()
                result.append(0x20)
                found += 1
            } else {
                result.append(byte)
            }
        }
        if found == 0 { return }
        oddities.append(.noBreakSpaces(found))
        bytes = result
    }

    /// Nil when it is no UTF-16: there is neither a byte order mark, nor is every other of the first bytes a NUL.
    private static func utf16(_ file: [UInt8]) -> [UInt8]? {
        guard file.count >= 4 else { return nil }
        let isLittle: Bool
        var start = 2
        switch (file[0], file[1]) {
        case (0xFF, 0xFE): isLittle = true
        case (0xFE, 0xFF): isLittle = false
        default:
            let head = file.prefix(16)
            func isText(from first: Int) -> Bool {
                head.enumerated().allSatisfy { ($0.offset % 2 == first) == ($0.element != 0) }
            }
            guard head.count >= 8, isText(from: 0) || isText(from: 1) else { return nil }
            isLittle = isText(from: 0)
            start = 0
        }
        var units: [UInt16] = []
        for at in stride(from: start, to: file.count - 1, by: 2) {
            let (first, second) = (UInt16(file[at]), UInt16(file[at + 1]))
            units.append(isLittle ? first | second << 8 : second | first << 8)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
