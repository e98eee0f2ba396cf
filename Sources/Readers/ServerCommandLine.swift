/// The words that systemd starts sshd with, as far as they say what sshd_config could (Debian's ssh.service;
/// systemd.exec(5); sshd(8)).
package struct ServerCommandLine: Equatable, Sendable {
    package typealias Origin = ServerConfiguration.Origin

    /// A line of a file.
    package struct Line: Equatable, Sendable {
        package var origin: Origin
        package var text: String

        package init(_ text: String, at origin: Origin) {
            self.text = text
            self.origin = origin
        }
    }

    /// What `-f` names.
    package private(set) var path = ServerConfiguration.path
    /// What `-o`, `-p` and `-h` say, as lines of sshd_config; they go before those of the file.
    package private(set) var lines: [Line] = []

    /// The words of Debian's unit; those of $SSHD_OPTS come from /etc/default/ssh.
    private static let usualStart = "/usr/sbin/sshd -D $SSHD_OPTS"
    /// Options of sshd that take a word.
    private static let valued: Set<Character> = ["b", "c", "C", "E", "f", "g", "h", "k", "o", "p", "u"]

    /// `unit`: all lines of the unit and, after it, of its drop-ins; `defaults`: those of /etc/default/ssh.
    package init(unit: [Line], defaults: [Line]) {
        var start = Line(Self.usualStart, at: Origin(path: "/usr/lib/systemd/system/ssh.service", line: 1))
        var variables: [String: Line] = [:]
        for line in unit {
            let text = line.text.trimmedBlanks
            if let value = Self.value(of: "ExecStart", in: text) {
                if value.hasSuffix("sshd") || value.contains("sshd ") { start = Line(value, at: line.origin) }
            } else if let value = Self.value(of: "Environment", in: text) {
                for word in Self.words(value) { Self.assign(Line(word, at: line.origin), to: &variables) }
            }
        }
        for line in defaults where !line.text.trimmedBlanks.hasPrefix("#") {
            Self.assign(Line(line.text.trimmedBlanks, at: line.origin), to: &variables)
        }
        take(Self.expanded(start, variables))
    }

    private static func value(of key: String, in line: String) -> String? {
        guard line.hasPrefix(key), let equals = line.firstIndex(of: "="),
            String(line[..<equals]).trimmedBlanks == key
        else { return nil }
        return String(line[line.index(after: equals)...]).trimmedBlanks
    }

    private static func assign(_ line: Line, to variables: inout [String: Line]) {
        guard let equals = line.text.firstIndex(of: "=") else { return }
        let name = String(line.text[..<equals]).trimmedBlanks
        let value = words(String(line.text[line.text.index(after: equals)...])).joined(separator: " ")
        variables[name] = Line(value, at: line.origin)
    }

    /// The words after the program, `$NAME` split at blanks and `${NAME}` kept whole.
    private static func expanded(_ start: Line, _ variables: [String: Line]) -> [Line] {
        words(start.text).dropFirst().flatMap { word -> [Line] in
            guard word.hasPrefix("$") else { return [Line(word, at: start.origin)] }
            let isWhole = word.hasPrefix("${")
            let name = word.dropFirst(isWhole ? 2 : 1).prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            guard let value = variables[String(name)] else { return [] }
            return isWhole ? [value] : value.text.blankSeparated.map { Line($0, at: value.origin) }
        }
    }

    private mutating func take(_ words: [Line]) {
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word.text.hasPrefix("-"), let letter = word.text.dropFirst().first, Self.valued.contains(letter)
            else { continue }
            let joined = String(word.text.dropFirst(2))
            guard let value = joined.isEmpty ? rest.popFirst() : Line(joined, at: word.origin) else { return }
            switch letter {
            case "f": path = value.text
            case "o": lines.append(value)
            case "p": lines.append(Line("Port \(value.text)", at: value.origin))
            case "h": lines.append(Line("HostKey \(value.text)", at: value.origin))
            default: break
            }
        }
    }

    /// Split at blanks outside of quotes, which go.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isWord = false
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                isWord = true
            } else if character == " " || character == "\t" {
                if isWord { words.append(word) }
                (word, isWord) = ("", false)
            } else {
                word.append(character)
                isWord = true
            }
        }
        return isWord ? words + [word] : words
    }
}
