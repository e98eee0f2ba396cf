import ArgumentParser
import Glibc

/// A path as a person types it: `~/` is the home folder also where the shell leaves it, as in `--base=~/x`.
struct UserPath: ExpressibleByArgument {
    let path: String

    init(_ path: String) { self.path = path }

    init(argument: String) { path = Self.expanded(argument) }

    /// The path with `~/` replaced by $HOME, when that is set.
    static func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = getenv("HOME") else { return path }
        return String(cString: home) + path.dropFirst()
    }

    var defaultValueDescription: String { path }

    static var defaultCompletionKind: CompletionKind { .file() }
}
