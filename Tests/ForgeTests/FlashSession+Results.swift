@testable import Cards
@testable import Forge
@testable import Reports
import Synchronization
import Testing

extension FlashSession {
    /// Runs to the end, and tells what became of each request, in their order; each must be told of exactly once.
    func results(observe: @escaping Reports.Progress.Observer = { _ in }) -> [Result<CardOutcome, ForgeError>] {
        let found = Found()
        run(observe: observe) { place, result in
            found.results.withLock { results in
                if results[place] != nil { Issue.record("card \(place) was told of twice") }
                results[place] = result
            }
        }
        let results = found.results.withLock { $0 }
        return requests.indices.compactMap { results[$0] }
    }

    private final class Found: Sendable {
        let results = Mutex<[Int: Result<CardOutcome, ForgeError>]>([:])
    }
}
