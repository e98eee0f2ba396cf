/// The bytes of cmdline.txt as the firmware reads them: up to the first NUL, and of that the first line.
package struct CommandLineFile: Equatable, Sendable {
    /// Something about the file that keeps a part of it from the kernel.
    package enum Oddity: Equatable, Sendable {
        /// UTF-16 with a byte order mark, as PowerShell's `>` writes it: the kernel gets two letters of it.
        case utf16
        /// A UTF-8 byte order mark, which becomes part of the first argument.
        case byteOrderMark
        /// A NUL at this byte, at which firmware and kernel stop reading.
        case nul(at: Int)
        /// More than one line that is not blank.
        case lines(Int)
        /// The first line is blank.
        case blankFirstLine
        case carriageReturns
    }

    package private(set) var oddities: [Oddity] = []
    /// What was meant: in UTF-8, without a byte order mark, up to the first NUL.
    package private(set) var bytes: [UInt8]

    package init(_ file: [UInt8]) {
        bytes = file
        if let text = Self.utf16(file) {
            oddities.append(.utf16)
            bytes = text
        } else if file.starts(with: [0xEF, 0xBB, 0xBF]) {
            oddities.append(.byteOrderMark)
            bytes.removeFirst(3)
        }
        if let nul = bytes.firstIndex(of: 0) {
            oddities.append(.nul(at: nul))
            bytes.removeSubrange(nul...)
        }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let filled = lines.filter { !$0.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
        if filled.count > 1 {
            oddities.append(.lines(filled.count))
        } else if filled.count == 1, lines.first != filled.first {
            oddities.append(.blankFirstLine)
        }
        if bytes.contains(0x0D) { oddities.append(.carriageReturns) }
    }

    private static func utf16(_ file: [UInt8]) -> [UInt8]? {
        guard file.count >= 2 else { return nil }
        let isLittle: Bool
        switch (file[0], file[1]) {
        case (0xFF, 0xFE): isLittle = true
        case (0xFE, 0xFF): isLittle = false
        default: return nil
        }
        var units: [UInt16] = []
        for at in stride(from: 2, to: file.count - 1, by: 2) {
            let (first, second) = (UInt16(file[at]), UInt16(file[at + 1]))
            units.append(isLittle ? first | second << 8 : second | first << 8)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
