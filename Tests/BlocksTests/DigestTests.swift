import Blocks
import TestSupport
import Testing

struct DigestTests {
    @Test("digests are those of sha256sum", .needs("sha256sum"))
    func oracle() throws {
        var random = SeededGenerator(seed: 1)
        for count in [0, 1, 63, 64, 65, 100_000] {
            let bytes = random.bytes(count)
            let printed = try Shell.run("sha256sum", [], input: bytes).output.prefix(64)
            var hasher = SHA256()
            hasher.update(bytes.span.bytes.extracting(0..<(count / 3)))
            hasher.update(bytes.span.bytes.extracting((count / 3)..<count))
            #expect(hasher.finalize().description == printed)
            #expect(SHA256.digest(of: bytes.span.bytes) == SHA256Digest(hex: printed))
        }
    }

    @Test("hexadecimal is read in either case and nothing else is")
    func hex() {
        let text = String(repeating: "0aF9", count: 16)
        #expect(SHA256Digest(hex: text)?.description == text.lowercased())
        for bad in ["", "00", text + "0", String(text.dropLast()), text.dropLast() + "g", "+" + text.dropFirst()] {
            #expect(SHA256Digest(hex: bad) == nil)
        }
        #expect(SHA256Digest(bytes: [1, 2, 3]) == nil)
    }
}
