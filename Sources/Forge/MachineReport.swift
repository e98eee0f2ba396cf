import Glibc
import Images
import Volumes

/// What of piforge works on this machine, and why the rest does not.
package struct MachineReport: Codable, Equatable, Sendable {
    package var engines: [Capability]
    /// Running programs of ARM images, which `packages` and `run` of a profile ask for; the loop engine must work too.
    package var programs: Capability
    /// A network for those programs, which `network: true` asks for.
    package var network: Capability
    /// As uname(2) has it: "6.1.0-13-amd64".
    package var kernel: String
    /// Programs of others that piforge does not need, but people do who work with its images.
    package var tools: [Tool]

    /// Something that piforge can do, or cannot here.
    package struct Capability: Codable, Equatable, Sendable {
        package var name: String
        package var purpose: String
        /// What is in the way; nothing when it works.
        package var obstacles: [String]
        package var works: Bool { obstacles.isEmpty }

        enum CodingKeys: String, CodingKey { case name, purpose, obstacles, works }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(purpose, forKey: .purpose)
            try container.encode(obstacles, forKey: .obstacles)
            try container.encode(works, forKey: .works)
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            purpose = try container.decode(String.self, forKey: .purpose)
            obstacles = try container.decode([String].self, forKey: .obstacles)
        }

        init(name: String, purpose: String, obstacles: [String]) {
            self.name = name
            self.purpose = purpose
            self.obstacles = obstacles
        }
    }

    package struct Tool: Codable, Equatable, Sendable {
        package var name: String
        package var purpose: String
        /// Debian's package that brings it.
        package var package: String
        /// Nil when it is not installed.
        package var path: String?
    }

    /// Looks at this machine; `searchPath` is the environment's PATH.
    package init(searchPath: String) {
        engines = Engine.allCases.map { engine in
            Capability(name: engine.rawValue, purpose: engine.purpose, obstacles: engine.obstacles)
        }
        programs = Capability(
            name: "programs", purpose: "runs programs of images: `packages` and `run` of a profile, with --engine loop",
            obstacles: Self.obstacles { () throws(MountError) in
                try SandboxedProgram.check()
                try Emulator.check()
                _ = try Emulator(forProgram: Emulator.armHeader)
            })
        network = Capability(
            name: "network", purpose: "gives these programs a network of their own: `network: true` of a profile",
            obstacles: Self.obstacles { () throws(MountError) in try UserNetwork.check() })
        var names = utsname()
        kernel = uname(&names) == 0 ? withUnsafeBytes(of: &names.release) { Self.text($0) } : "unknown"
        let folders = searchPath.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        tools = Self.knownTools.map { name, purpose, package in
            let path = folders.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
            return Tool(name: name, purpose: purpose, package: package, path: path)
        }
    }

    private static func obstacles(_ check: () throws(MountError) -> Void) -> [String] {
        do throws(MountError) {
            try check()
            return []
        } catch {
            return ["\(error)"]
        }
    }

    private static let knownTools = [
        ("bmaptool", "writes an image to a card by its block map", "bmap-tools"),
        ("e2fsck", "checks a root partition", "e2fsprogs"),
        ("fsck.fat", "checks a boot partition", "dosfstools"),
    ]

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// For people: a line for each thing, and one below it for each reason.
    package var lines: [String] {
        var lines = ["kernel   Linux \(kernel)", "", "engines"]
        for engine in engines {
            lines.append("  \(engine.works ? "yes" : "no ")  \(engine.name): \(engine.purpose)")
            lines += engine.obstacles.map { "         \($0)" }
        }
        lines += ["", "inside images"]
        for ability in [programs, network] {
            lines.append("  \(ability.works ? "yes" : "no ")  \(ability.name): \(ability.purpose)")
            lines += ability.obstacles.map { "         \($0)" }
        }
        lines += ["", "tools"]
        for tool in tools {
            let location = tool.path ?? "not installed: apt install \(tool.package)"
            lines.append("  \(tool.path == nil ? "no " : "yes")  \(tool.name): \(tool.purpose) (\(location))")
        }
        return lines
    }
}

extension Engine {
    fileprivate var purpose: String {
        switch self {
        case .builtin: "the default; edits images without root, mounts or loop devices"
        case .loop: "edits images through the kernel's drivers (build --engine loop)"
        }
    }

    /// Everything that is in its way here, each said once.
    fileprivate var obstacles: [String] {
        guard self == .loop else { return [] }
        var reasons: [String] = []
        for type in MountedVolume.FileSystem.allCases {
            do throws(MountError) {
                try MountedVolume.check(type)
            } catch {
                if !reasons.contains("\(error)") { reasons.append("\(error)") }
            }
        }
        return reasons
    }
}
