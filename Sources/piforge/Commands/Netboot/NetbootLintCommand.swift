import ArgumentParser
import Netboot
import Reports

struct NetbootLintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Find what would keep a node without a card from starting.",
        discussion: """
            Takes a node's tree, a folder or archive with several (p1, p2 …), a folder of tars, or a controller's image that \
            holds them. \
            Nothing is changed. Ends with 1 when something was found.

              piforge netboot lint trees/
              piforge netboot lint --json sg1-cnat.img
            """)

    @Argument(help: ArgumentHelp("The folder, archive or image.", valueName: "path"))
    var subject: UserPath

    @OptionGroup var answer: ReportOptions

    func run() throws {
        let path = subject.path
        try answer.apply()
        let reports = try NetbootLint.reports(
            of: path, cache: try Environment.current.cache(), observe: { Terminal.shared.show($0) })
        Terminal.shared.clear()
        if answer.json {
            try Output.json(LintDocument(trees: reports), as: .netbootLint)
        } else {
            for report in reports { Self.show(report, at: path) }
        }
        let count = reports.reduce(0) { $0 + $1.findings.count }
        if count > 0 {
            throw ForgeError(.difference, "\(path) would not start: \(count) \(count == 1 ? "finding" : "findings")")
        }
    }

    private struct LintDocument: Encodable {
        var trees: [NetbootLint.Report]
    }

    private static func show(_ report: NetbootLint.Report, at path: String) {
        let name = report.tree.isEmpty ? path : report.tree
        if report.findings.isEmpty { return Output.line("\(name): nothing found") }
        for finding in report.findings {
            Output.line("\(name): \(finding.what)")
            if let hint = finding.hint { Output.line("  \(hint)") }
        }
    }
}
