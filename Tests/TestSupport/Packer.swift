import Testing

/// Packs files with other people's tools.
package enum Packer {
    package static func run(_ tool: String, _ arguments: [String]) throws {
        let done = try Shell.run(tool, arguments)
        try #require(done.status == 0, "\(tool): \(done.error)")
    }

    package static func xz(_ path: String, to target: String, options: [String] = ["-0"]) throws {
        try shell("xz", options + ["-k", "-c", path], to: target)
    }

    /// Runs a tool with its output going to a file.
    package static func shell(_ tool: String, _ arguments: [String], to target: String, append: Bool = false) throws {
        try run(
            "sh", ["-c", "out=$1; shift; exec \"$@\" \(append ? ">>" : ">") \"$out\"", "sh", target, tool] + arguments)
    }
}
