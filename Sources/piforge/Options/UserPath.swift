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

    /// The same file named from the root folder.
    static func absolute(_ path: String) -> String {
        let path = expanded(path)
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    var defaultValueDescription: String { path }

    static var defaultCompletionKind: CompletionKind { .file() }
}
