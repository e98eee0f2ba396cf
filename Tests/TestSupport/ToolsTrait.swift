import Foundation
package import Testing

/// Cancels a test, by the name of what the machine lacks; where `PIFORGE_REQUIRE` forbids that, it fails instead.
///
/// No test calls `Test.cancel` itself, so that no skip is missed where every test must run.
package struct ToolsTrait: TestTrait, SuiteTrait {
    package let names: [String]
    package let needsRoot: Bool
    package var isRecursive: Bool { true }

    /// What a machine may lack, by what it takes to have it.
    package enum Need: Sendable {
        /// Programs and rights: a failure whenever PIFORGE_REQUIRE is set.
        case tools
        /// Another kernel, machine or image: a failure with PIFORGE_REQUIRE=all alone.
        case machine
    }

    package func prepare(for test: Test) async throws {
        try Self.require(names)
        if needsRoot { try Self.requireRoot() }
    }

    /// For a test that learns its tools while it runs.
    package static func require(_ names: [String]) throws {
        for name in names where Shell.find(name) == nil {
            if isForbidden(.tools) { throw Shell.MissingTool(name: name) }
            try Test.cancel("the tool \(name) is not installed")
        }
    }

    package static func requireRoot() throws { try require(getuid() == 0, "it takes root") }

    /// For anything else that the machine must be able to do.
    package static func require(_ isPossible: Bool, of need: Need = .tools, _ reason: @autoclosure () -> String) throws
    {
        guard !isPossible else { return }
        if isForbidden(need) { throw Unable(description: reason()) }
        try Test.cancel("\(reason())")
    }

    /// Whether a test that needs this must not be skipped.
    private static func isForbidden(_ need: Need) -> Bool {
        switch (need, ProcessInfo.processInfo.environment["PIFORGE_REQUIRE"]) {
        case (_, nil): false
        case (.tools, _), (.machine, "all"): true
        case (.machine, _): false
        }
    }

    package struct Unable: Error, Equatable, CustomStringConvertible {
        package var description: String
    }
}

extension Trait where Self == ToolsTrait {
    /// The foreign tools that a test needs.
    package static func needs(_ names: String...) -> Self { ToolsTrait(names: names, needsRoot: false) }

    package static func needs(_ names: [String]) -> Self { ToolsTrait(names: names, needsRoot: false) }

    package static var needsRoot: Self { ToolsTrait(names: [], needsRoot: true) }
}
