import FuzzTargets
import Glibc

/// The target that PIFORGE_FUZZ_TARGET names.
private let target = getenv("PIFORGE_FUZZ_TARGET").flatMap { FuzzTarget(rawValue: String(cString: $0)) }

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let target else { fatalError("PIFORGE_FUZZ_TARGET names no target; start this through scripts/fuzz") }
    do throws(BrokenClaim) {
        try target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("claim broken: \(error)")
    }
    return 0
}
