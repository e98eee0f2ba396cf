import Foundation
package import Testing

/// Cancels a test, by the tool's name, where a tool is missing; with PIFORGE_REQUIRE set it fails instead.
package struct ToolsTrait: TestTrait, SuiteTrait {
    package let names: [String]
    package var isRecursive: Bool { true }

    package func prepare(for test: Test) async throws {
        try Self.require(names)
    }

    /// The same for a test that learns its tools while it runs.
    package static func require(_ names: [String]) throws {
        for name in names where Shell.find(name) == nil {
            if ProcessInfo.processInfo.environment["PIFORGE_REQUIRE"] != nil { throw Shell.MissingTool(name: name) }
            try Test.cancel("the tool \(name) is not installed")
        }
    }

    /// The same for anything else that the machine must be able to do.
    package static func require(_ isPossible: Bool, _ reason: @autoclosure () -> String) throws {
        guard !isPossible else { return }
        if ProcessInfo.processInfo.environment["PIFORGE_REQUIRE"] != nil { throw Unable(description: reason()) }
        try Test.cancel("\(reason())")
    }

    package struct Unable: Error, Equatable, CustomStringConvertible {
        package var description: String
    }
}

extension Trait where Self == ToolsTrait {
    /// The tools of other people that a test needs.
    package static func needs(_ names: String...) -> Self { ToolsTrait(names: names) }

    package static func needs(_ names: [String]) -> Self { ToolsTrait(names: names) }
}
