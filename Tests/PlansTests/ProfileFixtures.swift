import Foundation
import Identity
import Plans
import TestSupport
import Testing
import Readers

/// Files in a dictionary, for profiles in tests: path to bytes, folders end in `/`, links begin with `-> `.
struct FakeFiles: ProfileFiles {
    var files: [String: String] = [:]
    var executables: Set<String> = []

    func resolve(_ path: String) -> String { "here/" + path }

    func status(_ path: String, followingLink: Bool) throws(ProfileFileError) -> ProfileFileStatus {
        if files[path + "/"] != nil { return .init(kind: .folder, isExecutable: true) }
        guard let text = files[path] else { throw .notFound }
        if text.hasPrefix("-> ") {
            return .init(kind: followingLink ? .other : .link, isExecutable: false)
        }
        return .init(kind: .file, isExecutable: executables.contains(path))
    }

    func read(_ path: String, limit: Int) throws(ProfileFileError) -> [UInt8] {
        guard let text = files[path] else { throw .notFound }
        guard text.utf8.count <= limit else { throw .tooLarge(limit: limit) }
        return Array(text.utf8)
    }

    /// A package's text is that of its control file.
    func package(_ path: String) throws(ProfileFileError) -> PackageFile {
        let bytes = try read(path, limit: .max)
        guard let facts = try? PackageFacts(ControlFields(String(decoding: bytes, as: UTF8.self))) else {
            throw .failed("it is no Debian package")
        }
        return PackageFile(
            facts: facts, dataPacking: "xz", content: .file(bytes), programs: NoPackagePrograms())
    }

    /// A folder with one package.
    static let packages = [
        "debs/docker/": "", "debs/docker/docker.deb": "Package: docker\nVersion: 1\nArchitecture: armhf\n",
    ]

    func entries(in path: String) throws(ProfileFileError) -> [String] {
        guard files[path + "/"] != nil else { throw .notAFolder }
        return files.keys.compactMap { key in
            guard key.hasPrefix(path + "/") else { return nil }
            let rest = key.dropFirst(path.count + 1)
            let name = rest.hasSuffix("/") ? rest.dropLast() : rest
            return name.isEmpty || name.contains("/") ? nil : String(name)
        }
    }

    func linkText(_ path: String) throws(ProfileFileError) -> String {
        String(try read(path, limit: .max).dropFirst(3).reduce(into: "") { $0.unicodeScalars.append(.init($1)) })
    }
}

enum Fixture {
    static let ed25519 =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPLz6wwiZS9B+sm8WJf2yN91XWkst60Wq7VOEmmmA+c"
    static let otherEd25519 =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

    /// In the shape of a SHA-512 one.
    static let passwordHash = "$6$saltsalt$" + String(repeating: "x", count: 86)

    /// A host key with its private half, the same each time.
    static func hostKey() throws -> HostKey {
        let secret = try #require(IdentitySecret(bytes: (1...32).map { $0 }))
        return try SlotIdentity(secret, cluster: "test", slot: "p3").hostKey
    }

    /// A profile with this body below the two lines that every profile needs.
    static func text(_ body: String) -> String { "version: 1\ncluster: test\n" + body }

    static func load(_ body: String, files: FakeFiles = FakeFiles()) throws(ProfileErrors) -> Profile {
        try Profile.load(text: text(body), name: "p.yaml", files: files)
    }

    /// The problems of a text as `line:column: message` with the hint after `=>`.
    static func problems(_ text: String, files: FakeFiles = FakeFiles()) -> [String] {
        do {
            _ = try Profile.load(text: text, name: "p.yaml", files: files)
            return []
        } catch {
            return error.problems.map(line)
        }
    }

    static func line(_ problem: ProfileProblem) -> String {
        "\(problem.line):\(problem.column): \(problem.message)" + (problem.hint.map { " => \($0)" } ?? "")
    }

    static func file(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: Repository.path + "/" + path)), as: UTF8.self)
    }
}
