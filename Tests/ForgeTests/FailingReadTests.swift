import Blocks
import Glibc
import Images
import TestSupport
import Testing

/// A read that fails says nothing of what an image is: it is an error, and no other answer.
@Suite(.needs(SmallCard.tools))
struct FailingReadTests {
    @Test func labelAndFingerprint() throws {
        let folder = try TemporaryFolder()
        let reader = try FileReader(path: SmallCard(.bookworm, in: folder).path)
        let (label, fingerprint) = (try CardLabel.read(from: reader), try CardLabel.fingerprint(of: reader))
        #expect(label?.slot == "p1")
        #expect(try failures(of: reader) { try CardLabel.read(from: $0) == label } > 5)
        #expect(try failures(of: reader) { try CardLabel.fingerprint(of: $0) == fingerprint } > 5)
    }

    /// Lets each read fail in turn; returns how many there are.
    private func failures(of reader: any BlockReader, isRight: (any BlockReader) throws -> Bool) throws -> Int {
        for number in 1... {
            let failing = FailingReader(reader, failing: number)
            do {
                #expect(try isRight(failing), "another answer when read \(number) fails")
                if failing.reads < number { return number - 1 }
            } catch let error as BlockError {
                #expect(error == FaultyDevice.error)
            }
        }
        return 0
    }
}
