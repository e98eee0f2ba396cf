import Foundation
package import Testing

/// A file of the repository that holds exactly what a test expects.
package enum GoldenFile {
    /// Records the whole unified difference as one issue when the file does not hold `text`.
    ///
    /// With PIFORGE_RECORD set the file is written anew, and the test fails, so that nobody mistakes that for a check.
    package static func expect(
        _ text: String, in path: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = URL(fileURLWithPath: path)
        let golden = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        if golden == text { return }
        if ProcessInfo.processInfo.environment["PIFORGE_RECORD"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            Issue.record(
                "recorded \(file.lastPathComponent); read it, then run without PIFORGE_RECORD",
                sourceLocation: sourceLocation)
            return
        }
        let folder = try TemporaryFolder()
        try Shell.write(Array(golden.utf8), to: folder.path + "/golden")
        let difference = try Shell.run(
            "diff", ["-u", "--label", path, "--label", "now", folder.path + "/golden", "-"], input: Array(text.utf8))
        Issue.record(
            """
            \(file.lastPathComponent) is out of date (PIFORGE_RECORD=1 writes it anew):
            \(difference.output)
            """, sourceLocation: sourceLocation)
    }
}
