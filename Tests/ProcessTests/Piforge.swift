import Bases
import Forge
import Foundation
import Plans
import TestSupport
import Testing

/// Runs piforge, as a process or inside this one.
struct Piforge {
    /// The current folder of the process.
    var folder: String
    var environment: [String: String] = [:]
    /// XDG_CACHE_HOME; for raw bases one for all, which saves hashing them again.
    var cache = Piforge.sharedCache
    /// Put before the program's name, to run it as another user.
    var prefix: [String] = []

    typealias Answer = (status: Int32, output: String, error: String)

    func run(_ arguments: String..., environment more: [String: String] = [:]) throws -> Answer {
        try run(arguments, environment: more)
    }

    func run(_ arguments: [String], environment more: [String: String] = [:]) throws -> Answer {
        let own = ["HOME": folder, "XDG_CACHE_HOME": cache, "SOURCE_DATE_EPOCH": ""]
        let variables = own.merging(environment) { $1 }.merging(more) { $1 }
        return try Shell.run(
            "env", ["-C", folder] + prefix + [Self.program] + arguments, environment: variables)
    }

    static let sharedCache = Repository.path + "/.build/test-cache"

    /// That of PIFORGE_PROGRAM, or the one beside the test bundle that runs.
    static let program: String = {
        if let program = ProcessInfo.processInfo.environment["PIFORGE_PROGRAM"] { return program }
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        let products = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return URL(fileURLWithPath: products).deletingLastPathComponent().path + "/piforge"
    }()

    /// Builds in this process, with flags as `--set` takes them; `cache` as XDG_CACHE_HOME.
    static func build(
        _ slots: String, from base: String, into folder: String, profile: String? = nil, set flags: [String] = [],
        epoch: Int64? = nil, cache: String? = nil
    ) async throws -> [Build.Result] {
        let request = try Request(
            profilePath: profile, slots: slots, flags: try Request.assignments(flags), environment: [:])
        let build = Build(
            try request.spec(basePath: base, epoch: epoch), into: folder, replacing: true,
            cache: Cache(path: (cache ?? sharedCache) + "/piforge"), observe: { _ in })
        return try build.run().map { try $0.get() }
    }
}

extension Piforge {
    /// With a profile of a controller and two nodes in the folder.
    init(inClusterAt folder: String) throws {
        self.init(folder: folder)
        let profile = """
            version: 1
            cluster: sg1
            slots:
              cnat: {hostname: hammond}
              p1: {hostname: oneil}
              p3: {hostname: tealc}

            """
        try Shell.write(Array(profile.utf8), to: folder + "/piforge.yaml")
    }
}
