import Reports

/// A piece of an HTML page. What is put into it as text is escaped; only literals and other pieces are markup:
///
///     let row: HTML = "<tr><td>\(name)</td><td>\(badge)</td></tr>"    // name: String, badge: HTML
package struct HTML: ExpressibleByStringInterpolation, Sendable {
    package private(set) var markup: String

    package init(stringLiteral value: String) { markup = value }
    package init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }
    package init() { markup = "" }

    /// Pieces one after the other.
    package init(_ pieces: [HTML], separator: HTML = "") {
        markup = pieces.map(\.markup).joined(separator: separator.markup)
    }

    package static func += (page: inout HTML, piece: HTML) { page.markup += piece.markup }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { markup += literal }
        package mutating func appendInterpolation(_ text: String) { markup += text.escapedForHTML }
        package mutating func appendInterpolation(_ number: Int) { markup += String(number) }
        package mutating func appendInterpolation(_ piece: HTML) { markup += piece.markup }
        package mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { markup += piece.markup } }

        /// Nothing where there is nothing.
        package mutating func appendInterpolation(_ piece: HTML?) { markup += piece?.markup ?? "" }
    }
}

extension String {
    /// As text between tags and as a quoted attribute's value; characters that control or turn text around are written
    /// out, as on a terminal.
    fileprivate var escapedForHTML: String {
        var result = ""
        for character in printable(keepingLines: true).unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
