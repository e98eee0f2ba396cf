import Foundation
import Initramfs
import Netboot
import TestSupport
import Testing

/// What cpio(1) packs, and more of it than an initramfs has.
@Suite(.needs("cpio", "gzip"))
struct InitramfsContentTests {
    @Test("plain and packed archives behind each other are one")
    func archives() throws {
        let folder = try TemporaryFolder()
        let script = """
            mkdir -p a/etc b/lib/modules/6.1.0; echo x > a/etc/gadget; chmod 640 a/etc/gadget
            : > b/lib/modules/6.1.0/dwc2.ko.xz
            for d in a b; do (cd $d && find . | cpio --quiet -o -H newc) > $d.cpio; done
            gzip b.cpio; cat a.cpio b.cpio.gz
            """
        let made = try Shell.run("bash", ["-c", "cd \"$0\"; { \(script); } > both", folder.path])
        try #require(made.status == 0, "\(made.error)")
        let content = try InitramfsContent(Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/both"))))
        #expect(content.modes["etc/gadget"] == 0o640)
        #expect(content.versions == ["6.1.0"] && content.modules(of: "6.1.0") == ["dwc2"])
    }

    @Test("files without end are refused")
    func manyFiles() throws {
        func entry(_ name: String) -> [UInt8] {
            let size = String(name.utf8.count + 1, radix: 16)
            let zeros = { (count: Int) in String(repeating: "0", count: count) }
            let head = "070701" + zeros(8) + "000081a4" + zeros(72) + zeros(8 - size.utf8.count) + size + zeros(8)
            return Array((head + name + "\0").utf8)
                + [UInt8](repeating: 0, count: (4 - (111 + name.utf8.count) % 4) % 4)
        }
        let archive = (0...100_000).flatMap { entry(String($0)) } + entry("TRAILER!!!")
        #expect(throws: PackedBytes.Failure(reason: "it holds more than 100000 files")) {
            try InitramfsContent(archive)
        }
        let smaller = (0..<1000).flatMap { entry(String($0)) } + entry("TRAILER!!!")
        #expect(try InitramfsContent(smaller).modes.count == 1000)
    }

    @Test("no memory is taken for a name that is as long as a header says")
    func longNames() throws {
        func archive(nameLength: String, name: String = "a") -> [UInt8] {
            let zeros = { (count: Int) in String(repeating: "0", count: count) }
            return Array(("070701" + zeros(8) + "000081a4" + zeros(72) + nameLength + zeros(8) + name + "\0").utf8)
        }
        let refusal = PackedBytes.Failure(reason: "a header has no length of a name that can be")
        for length in ["1b000002", "00001001", "00000000", "ffffffff", "-0000002", "zzzzzzzz"] {
            #expect(throws: refusal, "\(length)") { try InitramfsContent(archive(nameLength: length)) }
        }
        #expect(throws: PackedBytes.Failure(reason: "it does not go on with a header")) {
            try InitramfsContent(archive(nameLength: "00000002") + Array("junk".utf8))
        }
        let end = archive(nameLength: "0000000b", name: "TRAILER!!!") + [0, 0, 0]
        #expect(try InitramfsContent(archive(nameLength: "00000002") + end).modes == ["a": 0o644])
    }
}
