/// The bytes of cmdline.txt as the firmware reads them: up to the first NUL, and of that the first line.
package struct CommandLineFile: Equatable, Sendable {
    /// Something about the file that keeps a part of it from the kernel.
    package enum Oddity: Equatable, Sendable {
        case form(FirmwareText.Oddity)
        /// More than one line that is not blank.
        case lines(Int)
        /// The same, and `root=` stands in a later one: somebody has broken the line.
        case brokenLine(Int)
        /// The first line is blank.
        case blankFirstLine
        case carriageReturns
    }

    package private(set) var oddities: [Oddity]
    /// What was meant: in UTF-8, without a byte order mark, up to the first NUL; a broken line is whole again.
    package private(set) var bytes: [UInt8]

    package init(_ file: [UInt8]) {
        let text = FirmwareText(file)
        bytes = text.bytes
        oddities = text.oddities.map { .form($0) }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let filled = lines.filter { !$0.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
        let hasReturns = bytes.contains(0x0D)
        if filled.count > 1 {
            if !Self.hasRoot(filled[0]), filled.dropFirst().contains(where: Self.hasRoot) {
                oddities.append(.brokenLine(filled.count))
                let own = filled.filter { $0.first != 0x23 }.map { $0.filter { $0 != 0x0D } }
                bytes = Array(own.joined(separator: [0x20])) + [0x0A]
            } else {
                oddities.append(.lines(filled.count))
            }
        } else if filled.count == 1, lines.first != filled.first {
            oddities.append(.blankFirstLine)
        }
        if hasReturns { oddities.append(.carriageReturns) }
    }

    private static func hasRoot(_ line: ArraySlice<UInt8>) -> Bool {
        line.split(separator: 0x20).contains { $0.starts(with: Array("root=".utf8)) }
    }
}
