import Bases
import Blocks
import Forge
import Images
import Reports
import Synchronization
import TestSupport
import Testing

/// When a build says what became of its slots.
struct BuildReportTests {
    private static let failure = ForgeError(.inputOutput, "no room")

    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    /// Finishes one image after the other, the second with an error.
    private struct StepWriter: ImageWriter {
        let pathExtension = "img"
        let log: Log

        func write(
            _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
            finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
        ) {
            for (index, request) in requests.enumerated() {
                log.add("wrote \(request.name)")
                let image = WrittenImage(byteCount: 1, digest: SHA256.digest(of: [UInt8]().span.bytes))
                finished(index, index == 1 ? .failure(failure) : .success(image))
            }
        }
    }

    @Test("each slot is reported as soon as it is finished, and one that fails keeps no other")
    func asFinished() async throws {
        let folder = try TemporaryFolder()
        let log = Log()
        let request = try Request(profilePath: nil, slots: "p1-p3", flags: [], environment: [:])
        let build = Build(
            try request.spec(basePath: await BaseSpec.plain.path(), epoch: nil), into: folder.path, replacing: true,
            cache: Cache(path: Piforge.sharedCache + "/piforge"), writer: StepWriter(log: log), observe: { _ in })
        let outcomes = try build.run { slot, _ in log.add("reported \(slot)") }
        #expect(
            log.all == ["wrote p1", "reported p1", "wrote p2", "reported p2", "wrote p3", "reported p3"])
        #expect(outcomes.map { (try? $0.get())?.slot.name } == ["p1", nil, "p3"])
        #expect(outcomes.firstFailure?.message == "slot p2: no room")
    }
}
