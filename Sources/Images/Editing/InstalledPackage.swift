/// A package that dpkg's status file (deb-control(5)) calls installed.
package struct InstalledPackage: Equatable, Sendable {
    package var name: String
    package var version: String
    package var architecture: String
    /// The source package, with its version in parentheses where that is another; nil when it has the package's name.
    package var source: String?

    /// `name:architecture=version`
    package var identifier: String { "\(name):\(architecture)=\(version)" }
}

extension [InstalledPackage] {
    /// Those of a status file, sorted by what identifies them.
    package init(status: String) {
        self.init()
        var fields: [Substring: Substring] = [:]
        func take(_ packages: inout [InstalledPackage]) {
            if fields["Status"]?.hasSuffix(" installed") == true, let name = fields["Package"] {
                packages.append(
                    InstalledPackage(
                        name: String(name), version: String(fields["Version"] ?? ""),
                        architecture: String(fields["Architecture"] ?? "all"), source: fields["Source"].map(String.init)
                    ))
            }
            fields = [:]
        }
        for line in status.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                take(&self)
            } else if let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "\t" {
                fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
            }
        }
        take(&self)
        sort { $0.identifier < $1.identifier }
    }
}
