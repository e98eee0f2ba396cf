/// Why a rule could not be applied to a text.
package enum TextRuleError: Error, Equatable, Sendable {
    /// The line that the rule changes is not there; the text says what was looked for.
    case lineNotFound(String)
    case userNotFound(String)
    /// A line that must be understood is not what its format says.
    case malformed(String)
    case commandLineTooLong(byteCount: Int, limit: Int)
    /// The firmware ignores or misreads what is beyond column 98.
    case configLineTooLong(String, limit: Int)
}

extension TextRuleError: CustomStringConvertible {
    /// The part of a message after the colon.
    package var description: String {
        switch self {
        case .lineNotFound(let what): "it has no line \(what)"
        case .userNotFound(let name): "it has no user \(name)"
        case .malformed(let what): "the line \(what) is malformed"
        case .commandLineTooLong(let count, let limit):
            "the kernel command line would have \(count) bytes, \(limit) are safe"
        case .configLineTooLong(let line, let limit):
            "the line \(line) has \(line.utf8.count) characters, the firmware reads \(limit)"
        }
    }
}
