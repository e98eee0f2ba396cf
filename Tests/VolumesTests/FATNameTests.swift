import TestSupport
import Testing
import Trees

@testable import Volumes

struct FATNameTests {
    @Test(
        "a name that fits 8.3 is stored with two flags for its case",
        arguments: [
            ("cmdline.txt", "CMDLINE TXT", UInt8(0x18)), ("ssh", "SSH        ", 0x08), ("SSH", "SSH        ", 0),
            ("start.ELF", "START   ELF", 0x08), ("START.elf", "START   ELF", 0x10), ("12345678.123", "12345678123", 0),
            ("a-b_c~1.$$$", "A-B_C~1 $$$", 0x08),
        ])
    func shortNames(name: String, bytes: String, flags: UInt8) throws {
        let short = try #require(ShortName(exactly: name))
        #expect(short.bytes == Array(bytes.utf8))
        #expect(short.caseFlags.rawValue == flags)
        #expect(short.text == name)
    }

    @Test(
        "any other needs a long name",
        arguments: [
            "Cmdline.txt", "config.tXt", "123456789", "a.text", ".a", "a.b.c", "a b", "a+b", "ä", "", ".", "a.", "[a]",
        ])
    func notShort(name: String) {
        #expect(ShortName(exactly: name) == nil)
    }

    @Test(
        "a long name gets the lowest free alias",
        arguments: [
            ("Config.txt", "CONFIG  TXT"), ("custom.toml", "CUSTOM~1TOM"), ("network-config", "NETWOR~1   "),
            ("a b.c", "AB~1    C  "), (".profile", "PROFIL~1   "), ("a.b.txt", "AB~1    TXT"), ("a+b", "A_B~1      "),
            ("日本.ext", "__~1    EXT"), ("ab.é", "AB~1    _  "), ("...x", "X~1        "), (".. .é", "_~1        "),
        ])
    func aliases(name: String, expected: String) {
        #expect(ShortName.alias(for: name) { _ in false }?.bytes == Array(expected.utf8))
    }

    @Test("a taken alias leads to the next number, which may shorten the stem")
    func takenAliases() {
        var taken: Set<[UInt8]> = []
        for number in 1...12 {
            let alias = ShortName.alias(for: "long name.text") { taken.contains($0.bytes) }
            let expected = number < 10 ? "LONGNA~\(number)TEX" : "LONGN~\(number)TEX"
            #expect(alias?.bytes == Array(expected.utf8))
            taken.insert(alias?.bytes ?? [])
        }
        #expect(
            ShortName.alias(for: "Config.txt") { $0.caseFlags == [] && $0.bytes == Array("CONFIG  TXT".utf8) }?.text
                == "CONFIG~1.TXT")
    }

    @Test("what a short name shows when its bytes are not ours")
    func foreignShortNames() {
        #expect(ShortName(bytes: Array("A\u{1}/     B  ".utf8)).text == "A\u{FFFD}\u{FFFD}.B")
        #expect(ShortName(bytes: [0x05, 0x81] + [UInt8](repeating: 0x20, count: 9)).text == "σü")
        #expect(ShortName(bytes: Array("NO NAME    ".utf8)).text == "NO NAME")
    }

    @Test("a long name survives its slots", arguments: [1, 12, 13, 14, 26, 27, 255])
    func slots(count: Int) throws {
        let text = count % 2 == 0 ? String(repeating: "😀", count: count / 2) : String(repeating: "é", count: count)
        let slots = LongName.slots(for: text, checksum: 0xA7)
        #expect(slots.count == (text.utf16.count + 12) / 13)
        var assembler = LongName.Assembler()
        for slot in slots { assembler.take(slot) }
        #expect(assembler.name(checksum: 0xA7) == text)
        #expect(assembler.name(checksum: 0xA8) == nil)
        var broken = LongName.Assembler()
        for slot in slots.dropLast() { broken.take(slot) }
        #expect(broken.name(checksum: 0xA7) == nil)
        var foreign = LongName.Assembler()
        for (index, slot) in slots.enumerated() {
            var slot = slot
            if index == slots.count - 1 { slot[0x0D] ^= 1 }
            foreign.take(slot)
        }
        #expect(foreign.name(checksum: 0xA7) == nil)
    }

    @Test("a name that could leave its folder is no name", arguments: ["..", ".", "a/b"])
    func dangerousLongNames(name: String) {
        var assembler = LongName.Assembler()
        for slot in LongName.slots(for: name, checksum: 1) { assembler.take(slot) }
        #expect(assembler.name(checksum: 1) == nil)
    }

    @Test(
        "names that FAT forbids",
        arguments: [
            "a\"b", "a*", "a:b", "<a", "a>", "a?", "a\\b", "a|b", "a\u{1}b", "a\u{7F}", "a.", "a ", "a. ",
            "nul", "CON.txt", "com1", "Lpt9.a.b",
        ])
    func invalidNames(name: String) throws {
        let error = #expect(throws: VolumeError.self) { try LongName.check(name) }
        guard case .invalidName(name, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("too long is more than 255 UTF-16 units")
    func longest() throws {
        try LongName.check(String(repeating: "x", count: 255))
        let name = String(repeating: "😀", count: 128)
        let reason = "256 UTF-16 units are more than FAT's 255"
        #expect(throws: VolumeError.invalidName(name, reason: reason)) { try LongName.check(name) }
    }

    @Test("names that only look forbidden", arguments: ["com", "com10", "console", "nulls.txt", " a", ".nul", "a.con"])
    func validNames(name: String) throws {
        try LongName.check(name)
    }

    @Test("mtools sees our aliases, and none twice", .needs("mkfs.fat", "fsck.fat", "mdir", "mcopy"))
    func aliasesOnMedia() throws {
        let image = try FATImage(.init(kind: 16, kibibytes: 4096, sectorsPerCluster: 1))
        try image.mcopy([1], to: "/longfile one.txt")
        try image.edit { volume in
            for index in 0..<20 {
                try volume.put(.file("\(index)"), at: try #require(VolumePath("/longfile \(index).txt")))
            }
            try volume.put(.file("alias"), at: "/LONGFI~1.TXT")
            try volume.put(.file("label"), at: "/bootfs")
            try volume.put(.file("other"), at: "/LONGFI~99.txt")
            #expect(throws: VolumeError.invalidName("a?", reason: LongName.forbidden)) {
                try volume.put(.file(""), at: "/a?")
            }
        }
        try image.check()
        #expect(try image.mread("/longfile one.txt") == Array("alias".utf8))
        #expect(try image.mread("/bootfs") == Array("label".utf8))
        #expect(try image.mread("/longfile 19.txt") == Array("19".utf8))
        #expect(try image.mread("/LONGFI~99.txt") == Array("other".utf8))
        let lines = try image.mtool("mdir", ["::"]).split(separator: "\n").filter {
            $0.contains(" 2026") || $0.contains("2023")
        }
        let aliases = lines.map { $0.prefix(12) }
        #expect(aliases.count == 23 && Set(aliases).count == 23)
    }
}
