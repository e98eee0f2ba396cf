/// The packages that dpkg's status file (deb-control(5)) calls installed.
enum InstalledPackages {
    /// Each as `name:architecture=version`, sorted.
    static func list(_ status: String) -> [String] {
        var packages: [String] = []
        var fields: [Substring: Substring] = [:]
        func finish() {
            if fields["Status"]?.hasSuffix(" installed") == true, let name = fields["Package"] {
                packages.append("\(name):\(fields["Architecture"] ?? "all")=\(fields["Version"] ?? "")")
            }
            fields = [:]
        }
        for line in status.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                finish()
            } else if let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "\t" {
                fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
            }
        }
        finish()
        return packages.sorted()
    }
}
