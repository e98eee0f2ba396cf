/// The least ARM processor that a 32-bit program runs on, as its maker noted in it: the attribute Tag_CPU_arch ("ELF for
/// the Arm Architecture", addenda32), or GOARM in what Go's compiler writes down.
package enum ProcessorNeed: Int, Comparable, Sendable {
    case armV5 = 5
    case armV6 = 6
    case armV7 = 7
    case armV8 = 8

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    package var name: String { "ARMv\(rawValue)" }

    /// Tag_CPU_arch; nil for microcontrollers. Thumb-2 (v6T2) is not in the processor of a Zero, and counts as v7.
    init?(attribute: UInt64) {
        switch attribute {
        case 0...5: self = .armV5
        case 6, 7, 9: self = .armV6
        case 8, 10: self = .armV7
        case 14: self = .armV8
        default: return nil
        }
    }
}

/// Finds the need of one file whose bytes come piece by piece; keeps a MiB of them.
package struct ProcessorScanner {
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private var byteCount = 0
    private var goNeed: ProcessorNeed?
    private var isProgram: Bool? = nil

    private static let tailLimit = 1 << 20
    /// Go writes this as a line of its module information.
    private static let goWord = Array("build\tGOARM=".utf8)
    /// e_type, e_machine: programs and libraries of 32-bit ARM.
    private static let headByteCount = 52

    package init() {}

    /// Whether more bytes can change the answer.
    package var isInteresting: Bool { isProgram ?? true }

    package mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard isInteresting else { return }
        if head.count < Self.headByteCount {
            head += bytes.prefix(Self.headByteCount - head.count)
            if head.count == Self.headByteCount || !head.starts(with: [0x7F, 0x45, 0x4C, 0x46].prefix(head.count)) {
                isProgram = Self.isProgram(head)
                guard isInteresting else { return }
            }
        }
        if goNeed == nil { findGo(in: Array(tail.suffix(Self.goWord.count + 1)) + bytes) }
        byteCount += bytes.count
        tail += bytes.suffix(Self.tailLimit)
        if tail.count > 2 * Self.tailLimit { tail.removeFirst(tail.count - Self.tailLimit) }
    }

    private static func isProgram(_ head: [UInt8]) -> Bool {
        head.count == headByteCount && head.starts(with: [0x7F, 0x45, 0x4C, 0x46, 1, 1])
            && (head[16] == 2 || head[16] == 3) && head[17] == 0 && head[18] == 40 && head[19] == 0
    }

    private mutating func findGo(in bytes: [UInt8]) {
        let word = Self.goWord
        bytes.withUnsafeBufferPointer { all in
            var start = 0
            while start + word.count < all.count {
                guard let found = all[start...].firstIndex(of: word[0]), found + word.count < all.count else { return }
                if all[found..<found + word.count].elementsEqual(word) {
                    goNeed = ProcessorNeed(rawValue: Int(all[found + word.count]) - 0x30)
                    return
                }
                start = found + 1
            }
        }
    }

    /// Nil for what is no program of 32-bit ARM, or says nothing.
    package func finish() -> ProcessorNeed? {
        guard isProgram == true else { return nil }
        let noted = try? ARMAttributes.processor(head: head, tail: tail, byteCount: byteCount)
        return [noted, goNeed].compactMap { $0 }.max()
    }
}

/// The section .ARM.attributes of an ELF file of 32 bits, when it lies in the file's last part, as in all stripped ones.
enum ARMAttributes {
    private static let sectionType: UInt64 = 0x7000_0003
    /// Tag_CPU_arch.
    private static let processorTag: UInt64 = 6

    struct Damaged: Error {}

    static func processor(head: [UInt8], tail: [UInt8], byteCount: Int) throws(Damaged) -> ProcessorNeed? {
        // e_shoff, e_shentsize, e_shnum; then sh_type, sh_offset, sh_size.
        let table = try number(head, 32, 4)
        let (size, count) = (try number(head, 46, 2), try number(head, 48, 2))
        guard size >= 40, table > 0 else { return nil }
        let start = byteCount - tail.count
        for index in 0..<Int(count) {
            let at = Int(table) + index * Int(size) - start
            guard try number(tail, at + 4, 4) == sectionType else { continue }
            let offset = Int(try number(tail, at + 16, 4)) - start
            let end = offset + Int(try number(tail, at + 20, 4))
            guard offset >= 0, offset <= end, end <= tail.count else { throw Damaged() }
            return try processor(in: Array(tail[offset..<end].prefix(4096)))
        }
        return nil
    }

    /// 'A', then vendors' parts; in the part of "aeabi" what holds for the whole file stands first (Tag_File).
    private static func processor(in bytes: [UInt8]) throws(Damaged) -> ProcessorNeed? {
        guard bytes.first == UInt8(ascii: "A") else { return nil }
        var at = 1
        while at + 4 < bytes.count {
            let end = at + Int(try number(bytes, at, 4))
            guard end > at + 4, end <= bytes.count else { throw Damaged() }
            let name = bytes[(at + 4)..<end].prefix { $0 != 0 }
            let inside = at + 4 + name.count + 1
            if name.elementsEqual("aeabi".utf8), inside < end, bytes[inside] == 1 {
                return try tagged(bytes, from: inside + 5, to: end)
            }
            at = end
        }
        return nil
    }

    private static func tagged(_ bytes: [UInt8], from start: Int, to end: Int) throws(Damaged) -> ProcessorNeed? {
        var at = start
        while at < end {
            let tag = try leb128(bytes, &at)
            if tag == processorTag { return ProcessorNeed(attribute: try leb128(bytes, &at)) }
            // Tag_CPU_raw_name, Tag_CPU_name and odd tags above 32 are texts; Tag_compatibility (32) is both.
            if tag == 32 { _ = try leb128(bytes, &at) }
            if tag == 4 || tag == 5 || tag == 32 || tag > 32 && tag % 2 == 1 {
                while at < end, bytes[at] != 0 { at += 1 }
                at += 1
            } else {
                _ = try leb128(bytes, &at)
            }
        }
        return nil
    }

    private static func leb128(_ bytes: [UInt8], _ at: inout Int) throws(Damaged) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            guard bytes.indices.contains(at) else { throw Damaged() }
            defer { at += 1 }
            value |= UInt64(bytes[at] & 0x7F) << shift
            if bytes[at] < 0x80 {
                return value
            }
        }
        throw Damaged()
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) throws(Damaged) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - size else { throw Damaged() }
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
