import Foundation

/// How many of a test's cases are tried.
package enum Thoroughness {
    /// Every case: `scripts/test --all` sets PIFORGE_THOROUGH. Otherwise a sample in which each kind of case occurs.
    package static let isFull = ProcessInfo.processInfo.environment["PIFORGE_THOROUGH"] != nil
}
