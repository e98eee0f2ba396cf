import Foundation

/// Tests/Fixtures/http-server: a server of files on the loopback address; it ends with this object.
package final class WebServer {
    private let folder: TemporaryFolder
    package let port: Int

    package static let tools = ["python3"]

    package init() throws {
        folder = try TemporaryFolder()
        let started = try Shell.run(Repository.path + "/Tests/Fixtures/http-server", [folder.path])
        guard started.status == 0,
            let text = try? String(contentsOfFile: folder.path + "/port", encoding: .utf8), let port = Int(text)
        else { throw Failure(description: "the server did not start: \(started.error)") }
        self.port = port
    }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Where a served file lies.
    package func path(of name: String) -> String { folder.path + "/files/" + name }

    package func serve(_ bytes: [UInt8], as name: String) throws { try Shell.write(bytes, to: path(of: name)) }

    /// Serves a file of this machine under its own name.
    package func serve(fileAt path: String, as name: String) throws {
        try FileManager.default.createSymbolicLink(atPath: self.path(of: name), withDestinationPath: path)
    }

    /// The address by which the server does `how`, as its text says.
    package func url(_ how: String, _ name: String) -> String { "http://127.0.0.1:\(port)/\(how)/\(name)" }

    /// What was asked, and answered: method, path, Range, If-Range, If-None-Match, status.
    package func requests() throws -> [String] {
        try String(contentsOfFile: folder.path + "/log", encoding: .utf8).split(separator: "\n").map(String.init)
    }
}
