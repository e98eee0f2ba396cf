import Blocks
import Reports
import Testing

/// How errors of lower layers become what a person reads.
struct ErrorWrappingTests {
    private static let below = BlockError.truncated(path: "/base", expected: 10, found: 5)

    private static func fail() throws(BlockError) -> Int { throw below }

    @Test("what a person reads carries the error that it reports") func cause() throws {
        let direct = #expect(throws: ForgeError.self) { try BlockError.wrapping(Self.fail()) }
        let block = #expect(throws: ForgeError.self) {
            try wrapping { () throws(BlockError) in
                for _ in 0..<2 { _ = try Self.fail() }
            }
        }
        for error in [direct, block] {
            #expect(error?.kind == .badInput)
            #expect(error?.cause as? BlockError == Self.below)
            #expect(error?.about("p1").cause as? BlockError == Self.below)
        }
        let own = #expect(throws: ForgeError.self) {
            try wrapping(Self.fail(), as: { (error: BlockError) in ForgeError(.usage, "\(error)") })
        }
        #expect(own?.kind == .usage && own?.message == "\(Self.below)")
        #expect(try BlockError.wrapping(7) == 7)
    }

    @Test("a bug names the place where it was found, once") func bug() {
        let line = #line + 1
        let error = ForgeError(.bug, "could not settle")
        let text = "could not settle (a bug, found at ForgeTests/ErrorWrappingTests.swift:\(line))"
        #expect(error.message == text)
        #expect(error.about("slot p1").message == "slot p1: \(text)")
        #expect(ForgeError(.usage, "could not settle").message == "could not settle")
    }
}
