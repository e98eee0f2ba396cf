import Reports
import Foundation
import TestSupport
import Testing

@testable import Forge

/// What `plan` shows of changed texts, held against diffutils.
@Suite(.needs("diff"))
struct UnifiedDiffTests {
    static let pairs: [(name: String, old: [UInt8], new: [UInt8])] = [
        ("CRLF", Array("a\r\nb\r\nc\r\n".utf8), Array("a\r\nB\r\nc\r\nd\r\n".utf8)),
        ("line ends alone", Array("a\nb\n".utf8), Array("a\r\nb\n".utf8)),
        ("twice the same to the eye", Array("caf\u{E9}\n".utf8), Array("cafe\u{301}\n".utf8)),
        ("a mark that joins the sign", Array("a\nb\n".utf8), Array("a\n\u{301}b\nc\n".utf8)),
        ("nothing before", [], Array("a\n".utf8)),
        ("far apart", Array((1...40).map { "\($0)\n" }.joined().utf8), Array((2...41).map { "\($0)\n" }.joined().utf8)),
    ]

    @Test("the same hunks as diff -u", arguments: pairs.indices)
    func hunks(_ index: Int) throws {
        let (name, old, new) = Self.pairs[index]
        let folder = try TemporaryFolder()
        try Shell.write(old, to: folder.path + "/old")
        try Shell.write(new, to: folder.path + "/new")
        let told = try Shell.run("diff", ["-u", folder.path + "/old", folder.path + "/new"])
        try #require(told.status == 1)
        let lines = told.output.utf8.split(separator: 0x0A).dropFirst(2).map { Array($0) }
        #expect(UnifiedDiff(from: old, to: new).lines.map { Array($0.utf8) } == lines, "\(name)")
    }

    @Test("a missing newline and bytes of another encoding are shown")
    func oddBytes() {
        let old = Array("name=caf".utf8) + [0xE9] + Array("\nlast".utf8)
        let new = Array("name=caf".utf8) + [0xE9, 0xFF] + Array("\nlast\n".utf8)
        #expect(
            UnifiedDiff(from: old, to: new).lines == [
                "@@ -1,2 +1,2 @@", "-name=caf\\xE9", "-last  (no newline at the end)", "+name=caf\\xE9\\xFF", "+last",
            ])
    }
}
