/// A change of a text, as a value: a satisfied rule returns the identical text.
package enum TextRule: Equatable, Sendable {
    /// The line is there, as a line of its own.
    case ensureLine(String)

    package func applied(to text: String) throws -> String {
        switch self {
        case .ensureLine(let line):
            text.split(separator: "\n", omittingEmptySubsequences: false).contains(Substring(line))
                ? text : text + (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + line + "\n"
        }
    }
}
