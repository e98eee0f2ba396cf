/// A pattern of glob(3), such as `/etc/ssh/sshd_config.d/*.conf`.
package struct Glob {
    private let components: [String]

    /// Nil for a pattern that is not absolute.
    package init?(_ pattern: String) {
        guard pattern.hasPrefix("/") else { return nil }
        components = pattern.split(separator: "/").map(String.init)
    }

    /// More than any folder of configuration files has.
    private static let limit = 10_000

    /// The paths that the pattern names, sorted by their bytes. `names` lists a folder, given without a slash at its
    /// end; it answers nothing for what is none. Whether a path without a wildcard exists is for the caller to see.
    package func paths<Failure: Error>(names: (String) throws(Failure) -> [String]) throws(Failure) -> [String] {
        var found = [""]
        for component in components {
            guard component.contains(where: { "*?[".contains($0) }) else {
                found = found.map { $0 + "/" + component }
                continue
            }
            let wildcard = Wildcard(component)
            var next: [String] = []
            for folder in found {
                for name in try names(folder.isEmpty ? "/" : folder)
                where wildcard.matches(name) && (!name.hasPrefix(".") || component.hasPrefix(".")) {
                    next.append(folder + "/" + name)
                }
                if next.count > Self.limit { break }
            }
            found = next
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
