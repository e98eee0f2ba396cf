/// Something that was claimed of a parser and is not so.
package struct BrokenClaim: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// Throws unless `condition` holds.
func claim(_ condition: Bool, _ text: @autoclosure () -> String) throws(BrokenClaim) {
    if !condition { throw BrokenClaim(description: text()) }
}
