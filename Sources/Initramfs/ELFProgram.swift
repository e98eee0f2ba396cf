/// What the dynamic loader reads of a program or library (elf(5)): which loader it wants, and which libraries.
///
/// ```
/// header --> program headers --> PT_INTERP   the loader's path
///                            --> PT_DYNAMIC  DT_NEEDED, DT_RUNPATH: offsets into the table at DT_STRTAB
///                            --> PT_LOAD     where the addresses of the above lie in the file
/// ```
package struct ELFProgram: Equatable {
    /// The kind of processor; libraries of another kind are skipped.
    package struct Machine: Equatable {
        var is64Bit: Bool
        /// `e_machine`: 40 ARM, 62 x86-64, 183 AArch64.
        var number: UInt64
    }

    package let machine: Machine
    /// The loader's path; nil for a static program and for libraries.
    package private(set) var interpreter: String?
    /// The names of the libraries it needs, in order.
    package private(set) var needed: [String] = []
    /// Folders of DT_RPATH or DT_RUNPATH, `$ORIGIN` as it stands there.
    package private(set) var searchPath: [String] = []

    package enum DecodingError: Error, Equatable {
        case notELF
        case bigEndian
        case damaged
    }

    /// Decodes any bytes; `notELF` when they do not begin as an ELF file does.
    package init(_ bytes: [UInt8]) throws(DecodingError) {
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes.count >= 52 else { throw .notELF }
        guard bytes[5] == 1 else { throw .bigEndian }
        guard bytes[4] == 1 || bytes[4] == 2 else { throw .damaged }
        let is64Bit = bytes[4] == 2
        machine = Machine(is64Bit: is64Bit, number: UInt64(bytes[18]) | UInt64(bytes[19]) << 8)
        let segments = try Self.segments(bytes, is64Bit: is64Bit)
        if let segment = segments.first(where: { $0.type == SegmentType.interpreter }) {
            interpreter = try Self.text(bytes, at: segment.offset)
        }
        if let segment = segments.first(where: { $0.type == SegmentType.dynamic }) {
            try readDynamic(bytes, segment, segments)
        }
    }

    /// More libraries than any program needs.
    private static let nameLimit = 1000

    private enum SegmentType {
        static let load: UInt64 = 1
        static let dynamic: UInt64 = 2
        static let interpreter: UInt64 = 3
    }

    private enum Tag {
        static let end: UInt64 = 0
        static let needed: UInt64 = 1
        static let strings: UInt64 = 5
        static let searchPath: UInt64 = 15
        static let runPath: UInt64 = 29
    }

    private struct Segment {
        var type: UInt64
        var offset: UInt64
        var address: UInt64
        var fileByteCount: UInt64
    }

    private static func segments(_ bytes: [UInt8], is64Bit: Bool) throws(DecodingError) -> [Segment] {
        // Offsets of e_phoff, e_phentsize, e_phnum; then of p_offset, p_vaddr, p_filesz.
        let word = is64Bit ? 8 : 4
        let table = try number(bytes, at: is64Bit ? 32 : 28, word)
        let entrySize = try number(bytes, at: is64Bit ? 54 : 42, 2)
        let count = try number(bytes, at: is64Bit ? 56 : 44, 2)
        guard entrySize >= (is64Bit ? 56 : 32) else { throw .damaged }
        var segments: [Segment] = []
        for index in 0..<count {
            let (start, overflow) = table.addingReportingOverflow(index * entrySize)
            guard !overflow, start < UInt64(bytes.count) else { throw .damaged }
            let at = Int(start)
            segments.append(
                Segment(
                    type: try number(bytes, at: at, 4), offset: try number(bytes, at: at + (is64Bit ? 8 : 4), word),
                    address: try number(bytes, at: at + (is64Bit ? 16 : 8), word),
                    fileByteCount: try number(bytes, at: at + (is64Bit ? 32 : 16), word)))
        }
        return segments
    }

    private mutating func readDynamic(
        _ bytes: [UInt8], _ dynamic: Segment, _ segments: [Segment]
    ) throws(DecodingError) {
        guard dynamic.offset < UInt64(bytes.count) else { throw .damaged }
        let word = machine.is64Bit ? 8 : 4
        var names: [UInt64] = []
        var paths: [UInt64] = []
        var strings: UInt64?
        var at = dynamic.offset
        reading: while at < UInt64(bytes.count) {
            let tag = try Self.number(bytes, at: Int(at), word)
            let value = try Self.number(bytes, at: Int(at) + word, word)
            switch tag {
            case Tag.end: break reading
            case Tag.needed: names.append(value)
            case Tag.strings: strings = value
            case Tag.searchPath, Tag.runPath: paths.append(value)
            default: break
            }
            at += UInt64(2 * word)
        }
        // Names may share their bytes, so that a small file could hold them for gigabytes.
        guard names.count + paths.count <= Self.nameLimit else { throw .damaged }
        guard let strings else { return }
        let holder = segments.first {
            $0.type == SegmentType.load && strings >= $0.address && strings - $0.address < $0.fileByteCount
        }
        guard let holder else { throw .damaged }
        let (table, overflow) = (strings - holder.address).addingReportingOverflow(holder.offset)
        guard !overflow else { throw .damaged }
        for name in names { needed.append(try Self.text(bytes, at: table, plus: name)) }
        for path in paths {
            searchPath += try Self.text(bytes, at: table, plus: path).split(separator: ":").map(String.init)
        }
    }

    private static func text(
        _ bytes: [UInt8], at start: UInt64, plus distance: UInt64 = 0
    ) throws(DecodingError) -> String {
        let (textOffset, overflow) = start.addingReportingOverflow(distance)
        guard !overflow, textOffset < UInt64(bytes.count),
            let text = String(
                validating: bytes[Int(textOffset)...].prefix(4096).prefix(while: { $0 != 0 }), as: UTF8.self)
        else { throw .damaged }
        return text
    }

    /// A little-endian number of `size` bytes.
    private static func number(_ bytes: [UInt8], at offset: Int, _ size: Int) throws(DecodingError) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - size else { throw .damaged }
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
