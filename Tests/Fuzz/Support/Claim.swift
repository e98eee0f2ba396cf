/// The bytes that libFuzzer hands to a target.
package func fuzzInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

/// Ends the process, which libFuzzer reports with the input, unless `condition` holds.
package func claim(_ condition: Bool, _ text: @autoclosure () -> String) {
    if !condition { fatalError("claim failed: \(text())") }
}
