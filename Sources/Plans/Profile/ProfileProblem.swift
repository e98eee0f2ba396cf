/// A place in a profile, or a flag: where a value was given.
package struct ProfilePosition: Hashable, Sendable {
    /// The name of the file as the user gave it, or of the flag (`--hostname`).
    package var file: String
    /// From 1; 0 when the place has no lines (a flag, the slot's name).
    package var line: Int
    /// From 1, counted in Unicode scalars; 0 when the place has no lines.
    package var column: Int

    package init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `sg1.yaml:14`, or `--hostname`.
    package var origin: String { line > 0 ? "\(file):\(line)" : file }
}

extension ProfilePosition: CustomStringConvertible {
    /// `sg1.yaml:14:5`, or `--hostname`.
    package var description: String { line > 0 ? "\(file):\(line):\(column)" : file }
}

extension ProfilePosition: Comparable {
    package static func < (a: Self, b: Self) -> Bool {
        (a.file, a.line, a.column) < (b.file, b.line, b.column)
    }
}

/// One thing that is wrong with a profile or a flag.
package struct ProfileProblem: Error, Hashable, Sendable {
    package var position: ProfilePosition
    /// Lower case, without a full stop.
    package var message: String
    /// What the user can type instead.
    package var hint: String?

    package init(_ position: ProfilePosition, _ message: String, hint: String? = nil) {
        self.position = position
        self.message = message
        self.hint = hint
    }

    package init(_ position: ProfilePosition, _ refusal: Refusal) {
        self.init(position, refusal.message, hint: refusal.hint)
    }

    package var file: String { position.file }
    package var line: Int { position.line }
    package var column: Int { position.column }
}

extension ProfileProblem: CustomStringConvertible {
    /// `sg1.yaml:12:5: reason`, and the hint on a line of its own.
    package var description: String {
        "\(position): \(message)" + (hint.map { "\nhint:  \($0)" } ?? "")
    }
}

/// Everything that is wrong with a profile: all problems at once, in the order of the file.
package struct ProfileErrors: Error, Equatable, Sendable {
    package var problems: [ProfileProblem]

    /// Sorts by place and keeps each problem once.
    package init(_ problems: [ProfileProblem]) {
        var seen: Set<ProfileProblem> = []
        var files: [String: Int] = [:]
        for problem in problems where files[problem.file] == nil { files[problem.file] = files.count }
        self.problems =
            problems.filter { seen.insert($0).inserted }
            .enumerated().sorted { a, b in
                let left = (files[a.element.file] ?? 0, a.element.line, a.element.column, a.offset)
                let right = (files[b.element.file] ?? 0, b.element.line, b.element.column, b.offset)
                return left < right
            }
            .map(\.element)
    }
}

extension ProfileErrors: CustomStringConvertible {
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
