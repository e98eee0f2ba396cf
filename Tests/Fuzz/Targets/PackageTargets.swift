import Bases
import Readers

/// Input: a package file of Debian's.
func fuzzDeb(_ input: [UInt8]) throws(BrokenClaim) {
    let file = try ScratchFile(input)
    guard let deb = try? DebFile(path: file.path) else { return }
    if let text = try? deb.controlText(), let facts = try? PackageFacts(ControlFields(text)) {
        try claim(PackageRelation.isName(facts.name), "a package called \(facts.name)")
    }
    var scanner = ProcessorScanner()
    try? deb.forEachFile { _, bytes in
        if bytes.isEmpty {
            _ = scanner.finish()
            scanner = ProcessorScanner()
        } else {
            scanner.take(bytes)
        }
        return scanner.isInteresting
    }
}

/// Input: dpkg's list of installed packages, NUL, control files of packages that shall be installed.
func fuzzPackages(_ input: [UInt8]) throws(BrokenClaim) {
    let parts = repeated(input).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard let installed = InstalledPackages(status: Array(parts[0])) else { return }
    var new: [PackageFacts] = []
    ControlFields.forEach(in: parts.count > 1 ? Array(parts[1]) : []) { fields in
        if let facts = try? PackageFacts(fields) { new.append(facts) }
    }
    let problems = installed.problems(installing: new)
    let rounds = installed.rounds(new)
    try claim(rounds.allSatisfy { !$0.isEmpty }, "a round of nothing")
    try claim(rounds.reduce(0) { $0 + $1.count } == new.count, "rounds have other packages than they were given")
    let versions = new.compactMap { PackageVersion($0.version.text) }.prefix(20)
    for a in versions {
        for b in versions { try claim((a < b) != (b < a) || a == b, "\(a.text) and \(b.text) have no order") }
    }
    _ = problems
}
