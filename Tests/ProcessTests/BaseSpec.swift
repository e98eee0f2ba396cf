import Blocks
import Foundation
import TestSupport
import Testing

/// A base image of scripts/make-base.
struct BaseSpec: Hashable, Sendable, CustomTestStringConvertible {
    var release: String
    var kind: String
    /// As after the conversion and the first boots on a Pi.
    var isBooted = false
    var options: [String] = []
    /// What the file's name ends in.
    var ending = "img"

    var testDescription: String {
        ([release, kind] + (ending == "img" ? [] : [ending]) + (isBooted ? ["booted"] : [])
            + options.filter { !$0.hasPrefix("-") }).joined(separator: " ")
    }

    static let tools = [
        "sfdisk", "mkfs.fat", "fsck.fat", "mcopy", "mdir", "mke2fs", "debugfs", "e2fsck", "openssl", "dd", "sha256sum",
    ]

    /// Every release, kind and state.
    static let all: [BaseSpec] = ["buster", "bullseye", "bookworm"].flatMap { release in
        ["cbridge", "cnat", "p2"].flatMap { kind in [false, true].map { of(release, kind, isBooted: $0) } }
    }

    /// On a card as small as FAT32 can be.
    static func of(_ release: String, _ kind: String, isBooted: Bool = false) -> BaseSpec {
        BaseSpec(
            release: release, kind: kind, isBooted: isBooted,
            options: ["--boot-mib", "40", "--cluster-sectors", "1", "--root-mib", "64"])
    }

    static let plain = of("bookworm", "cbridge")

    /// The image's path; made when this recipe has not been made before.
    func path() async throws -> String { try await BaseImages.shared.path(of: self) }

    /// What foreign tools see in it; read once.
    func tree() async throws -> CardTree { try await BaseImages.shared.tree(of: self) }
}

/// Makes each base once and keeps it in .build/test-bases, below a name that tells its recipe.
private actor BaseImages {
    static let shared = BaseImages()
    private var running: [BaseSpec: Task<String, any Error>] = [:]
    private var trees: [BaseSpec: Task<CardTree, any Error>] = [:]

    func path(of spec: BaseSpec) async throws -> String {
        if let task = running[spec] { return try await task.value }
        let task = Task { try Self.make(spec) }
        running[spec] = task
        return try await task.value
    }

    func tree(of spec: BaseSpec) async throws -> CardTree {
        if let task = trees[spec] { return try await task.value }
        let task = Task { try CardTree(try Card(try await path(of: spec))) }
        trees[spec] = task
        return try await task.value
    }

    private static let folder = Result { () throws -> String in
        let fixtures = Repository.path + "/Tests/Fixtures"
        var recipe: [UInt8] = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: fixtures).sorted() {
            recipe += Array(name.utf8) + (FileManager.default.contents(atPath: fixtures + "/" + name) ?? Data())
        }
        let digest = SHA256.digest(of: recipe.span.bytes).description.prefix(12)
        let folder = Repository.path + "/.build/test-bases/" + digest
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func make(_ spec: BaseSpec) throws -> String {
        let name = spec.testDescription.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let path = try folder.get() + "/" + String(name) + "." + spec.ending
        if FileManager.default.fileExists(atPath: path) { return path }
        let own = "\(path.dropLast(spec.ending.count))\(getpid()).\(spec.ending)"
        defer { unlink(own) }
        let made = try Shell.run(
            Repository.path + "/Tests/Fixtures/make-base",
            ["--release", spec.release, "--kind", spec.kind] + (spec.isBooted ? ["--booted"] : []) + spec.options + [
                own
            ])
        guard made.status == 0 else { throw Failure(text: made.error) }
        guard rename(own, path) == 0 else { throw Failure(text: "could not rename \(own)") }
        return path
    }

    private struct Failure: Error, CustomStringConvertible {
        var text: String
        var description: String { "could not make a base: " + text }
    }
}
