/// sshd_config with all files that it includes, parsed as a given version of sshd does it (OpenSSH, servconf.c;
/// sshd_config(5)). What holds for a connection is a second step: `options(for:)`.
package struct ServerConfiguration: Equatable, Sendable {
    /// Where a line stands.
    package struct Origin: Equatable, Hashable, Sendable, CustomStringConvertible {
        package var path: String
        /// From 1.
        package var line: Int

        package init(path: String, line: Int) {
            self.path = path
            self.line = line
        }

        package var description: String { "\(path):\(line)" }
    }

    /// Why sshd refuses to start with these files.
    package struct Problem: Equatable, Sendable {
        package var origin: Origin
        package var why: String
    }

    struct File: Equatable, Sendable {
        var lines: [Line] = []
    }

    struct Line: Equatable, Sendable {
        var origin: Origin
        /// In small letters, aliases resolved.
        var keyword: String
        var arguments: [String]
        /// The files that an `Include` brings, in the order in which sshd reads them.
        var included: [File] = []
    }

    package let version: ServerVersion
    package private(set) var problems: [Problem] = []
    var main = File()
    private var fileCount = 0
    private var lineCount = 0
    /// Where there is a problem already.
    private var refused: Set<Origin> = []

    /// sshd's own limit (SERVCONF_MAX_DEPTH).
    private static let depthLimit = 16
    /// Files that include each other by patterns multiply; no image has as many, nor as many lines in all of them.
    private static let fileLimit = 500
    private static let lineLimit = 20_000
    package static let path = "/etc/ssh/sshd_config"

    /// The parts that do I/O: the lines of the file at an absolute path, nil when there is none, and the absolute paths
    /// that a pattern of glob(7) names, sorted by their bytes.
    package struct Source<Failure: Error> {
        package var lines: (String) throws(Failure) -> [String]?
        package var paths: (String) throws(Failure) -> [String]

        package init(
            lines: @escaping (String) throws(Failure) -> [String]?,
            paths: @escaping (String) throws(Failure) -> [String]
        ) {
            self.lines = lines
            self.paths = paths
        }
    }

    /// Reads `path` and what it includes, after the lines that stand for words of sshd's command line; a missing file counts
    /// as an empty one.
    package init<Failure: Error>(
        version: ServerVersion, path: String = Self.path, after words: [ServerCommandLine.Line] = [],
        from source: Source<Failure>
    ) throws(Failure) {
        self.version = version
        let own = words.compactMap { parse($0.text, at: $0.origin) }
        main = try file(at: path, depth: 0, source)
        main.lines = own + main.lines
        checkOrder()
    }

    private mutating func file<Failure: Error>(
        at path: String, depth: Int, _ source: Source<Failure>
    ) throws(Failure) -> File {
        fileCount += 1
        var file = File()
        for (index, text) in (try source.lines(path) ?? []).enumerated() {
            let origin = Origin(path: path, line: index + 1)
            lineCount += 1
            guard lineCount <= Self.lineLimit else {
                refuse(origin, "the files have more than \(Self.lineLimit) lines together, the rest was not read")
                return file
            }
            guard var line = parse(text, at: origin) else { continue }
            if line.keyword == "include" {
                if depth + 1 >= Self.depthLimit {
                    refuse(origin, "too many files include each other")
                    return file
                }
                for pattern in line.arguments {
                    let isAbsolute = pattern.hasPrefix("/") || pattern.hasPrefix("~")
                    for path in try source.paths(isAbsolute ? pattern : "/etc/ssh/" + pattern)
                    where fileCount < Self.fileLimit {
                        line.included.append(try self.file(at: path, depth: depth + 1, source))
                    }
                }
            }
            file.lines.append(line)
        }
        return file
    }

    private mutating func refuse(_ origin: Origin, _ why: String) {
        if refused.insert(origin).inserted { problems.append(Problem(origin: origin, why: why)) }
    }

    // MARK: One line

    /// Nil for a blank line, a comment, or one that sshd reports and skips.
    private mutating func parse(_ text: String, at origin: Origin) -> Line? {
        var words = Self.words(of: text, takesComments: version >= .commentsAtLineEnds)
        guard let written = words.first, !written.hasPrefix("#") else { return nil }
        words.removeFirst()
        let keyword = written.lowercased()
        switch ServerKeyword.meaning(of: keyword, in: version) {
        case .unknown:
            refuse(origin, "`\(written)` is no option of OpenSSH \(version)")
            return nil
        case .ignored: return nil
        case .known: break
        }
        let name = ServerKeyword.canonical(keyword, in: version)
        guard !words.isEmpty, words[0] != "" || !ServerKeyword.flags.contains(name) else {
            refuse(origin, "`\(written)` has no value")
            return nil
        }
        if ServerKeyword.flags.contains(name), !["yes", "no"].contains(words[0].lowercased()) {
            refuse(origin, "`\(written)` is neither yes nor no but \(words[0])")
            return nil
        }
        if ServerKeyword.flags.contains(name), words.count > 1 {
            refuse(origin, "`\(written)` has more than one value")
            return nil
        }
        if let list = words.first, let unknown = ServerAlgorithm.unknown(in: list, of: name, version: version) {
            refuse(origin, "OpenSSH \(version) knows no \(unknown) for `\(written)`")
            return nil
        }
        // A name is looked up in /etc/services.
        if name == "port", words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), UInt16(words[0]) ?? 0 == 0 {
            refuse(origin, "\(words[0]) is no port")
            return nil
        }
        if name == "match", let why = MatchCriteria.problem(words) { refuse(origin, why) }
        return Line(origin: origin, keyword: name, arguments: words)
    }

    /// Keyword and arguments: between them blanks or one `=`; arguments may be in quotes; from 8.7 on a word that
    /// begins with `#` ends the line (misc.c, strdelim and argv_split).
    static func words(of line: String, takesComments: Bool) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var wasQuoted = false
        for character in line.trimmedBlanks + " " {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || (character == "'" && takesComments && !words.isEmpty) {
                quote = character
                wasQuoted = true
            } else if character == " " || character == "\t" || (character == "=" && words.isEmpty) {
                if !word.isEmpty || wasQuoted {
                    if takesComments, !words.isEmpty, !wasQuoted, word.hasPrefix("#") { return words }
                    words.append(word)
                } else if character == "=" {
                    words.append("")
                }
                word = ""
                wasQuoted = false
            } else {
                word.append(character)
            }
        }
        if words.count > 1, words[1] == "=" {
            words.remove(at: 1)
        } else if words.count > 1, words[1].hasPrefix("="), !words[0].isEmpty {
            words[1].removeFirst()
        }
        return words
    }
}

extension ServerConfiguration {
    /// Problems that show only in the order of the lines.
    private mutating func checkOrder() {
        var order = Order(version: version)
        order.take(main)
        for (origin, why) in order.wrong { refuse(origin, why) }
        if let entry = options(for: nil).unsatisfiableMethods {
            refuse(entry.origin, "`AuthenticationMethods` asks for methods that are turned off")
        }
    }

    private struct Order {
        let version: ServerVersion
        var wrong: [(Origin, String)] = []
        private var isActive = true
        private var hasMethods = false
        private var subsystems: Set<String> = []

        init(version: ServerVersion) { self.version = version }

        mutating func take(_ file: File) {
            for line in file.lines {
                switch line.keyword {
                case "match": isActive = line.arguments.first?.lowercased() == "all"
                case "include":
                    let wasActive = isActive
                    for file in line.included {
                        take(file)
                        isActive = wasActive
                    }
                case "authenticationmethods":
                    let isAny = line.arguments.contains("any")
                    if isAny, hasMethods || line.arguments.count > 1 {
                        wrong.append((line.origin, "\"any\" stands with other AuthenticationMethods"))
                    }
                    if isActive { hasMethods = true }
                case "subsystem" where isActive:
                    let name = line.arguments.first ?? ""
                    if !subsystems.insert(name).inserted, version < .repeatedSubsystems {
                        wrong.append((line.origin, "the subsystem \(name) is there twice"))
                    }
                default:
                    // Options that only count for the whole server.
                    if !isActive, !ServerKeyword.isAllowedInMatch(line.keyword) {
                        wrong.append((line.origin, "`\(line.keyword)` may not stand in a Match block"))
                    }
                }
            }
        }
    }
}

extension String {
    /// Without the blanks, tabs and carriage returns at both ends.
    package var trimmedBlanks: String {
        var bytes = utf8[...]
        while let first = bytes.first, [0x20, 0x09, 0x0D].contains(first) { bytes = bytes.dropFirst() }
        while let last = bytes.last, [0x20, 0x09, 0x0D].contains(last) { bytes = bytes.dropLast() }
        return String(Substring(bytes))
    }

    /// The runs between blanks and tabs.
    package var blankSeparated: [String] { split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init) }
}
