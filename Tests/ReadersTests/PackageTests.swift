import TestSupport
import Testing

@testable import Readers

/// Versions and relations of packages, held against dpkg.
struct PackageVersionTests {
    /// Versions of all shapes, many of which differ in little.
    private static func versions() -> [String] {
        let fixed = [
            "0", "1", "1.0", "1.00", "1.0-0", "1.0-1", "1.0-1+b1", "1:0", "0:1.0", "2:1~", "1.0~rc1", "1.0~rc1-1",
            "1.0~~",
            "1.0~~a", "1.0+dfsg", "1.0a", "1.0.", "20.10.24+dfsg1-1+deb12u1+b2", "1.2-3-4", "1.2:3-4", "1.a", "1.+",
        ]
        var generator = SeededGenerator(seed: 7)
        let parts = ["0", "1", "00", "9", "10", "a", "b", "Z", "~", "+", ".", "-", "rc"]
        let made = (0..<60).map { _ in
            "1"
                + (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                    parts.randomElement(using: &generator) ?? ""
                }.joined() + "0"
        }
        return fixed + made
    }

    @Test("dpkg orders them the same", .needs("dpkg", "sh")) func order() throws {
        let versions = Self.versions().filter { PackageVersion($0) != nil }
        var pairs: [(String, String)] = []
        for (index, a) in versions.enumerated() {
            for b in versions[index...].enumerated() where (index + b.offset) % 7 == 0 { pairs.append((a, b.element)) }
        }
        let script = pairs.map { a, b in
            "dpkg --compare-versions '\(a)' lt '\(b)' && echo lt || { dpkg --compare-versions '\(a)' eq '\(b)' && echo eq || echo gt; }"
        }.joined(separator: "\n")
        let told = try Shell.run("sh", ["-c", script]).output.split(separator: "\n").map(String.init)
        try #require(told.count == pairs.count)
        for (pair, word) in zip(pairs, told) {
            let (a, b) = (try #require(PackageVersion(pair.0)), try #require(PackageVersion(pair.1)))
            #expect((a < b ? "lt" : a == b ? "eq" : "gt") == word, "\(pair)")
        }
    }

    @Test(arguments: ["", "a:1", "1:", "1-", "1 2", "1_2", "-1", "99999999999:1", "1/2"]) func none(text: String) {
        #expect(PackageVersion(text) == nil)
    }

    @Test(arguments: [
        ("libc6", "libc6"), ("libc6(>=2.28)", "libc6 (>= 2.28)"), ("python3:any (>= 3.9~)", "python3:any (>= 3.9~)"),
        ("a (< 1)", "a (<= 1)"), ("a ( = 1:2-3 )", "a (= 1:2-3)"),
    ]) func relations(text: String, written: String) {
        #expect(PackageRelation(text)?.description == written)
    }

    @Test(arguments: ["", "a (", "a (>= )", "a b", "A B", "a (!! 1)", "-a", "a:"]) func noRelations(text: String) {
        #expect(PackageRelation(text) == nil)
    }
}

/// Which packages go together, by what dpkg says when it is asked to install them into an empty system.
struct PackageProblemTests {
    private static let status = """
        Package: dpkg
        Status: install ok installed
        Architecture: armhf
        Version: 1.21.22

        Package: libc6
        Status: install ok installed
        Architecture: armhf
        Multi-Arch: same
        Version: 2.36-9
        Depends: libgcc-s1, libcrypt1

        Package: mawk
        Status: install ok installed
        Architecture: armhf
        Multi-Arch: foreign
        Version: 1.3.4
        Provides: awk

        Package: libfoo1
        Status: install ok installed
        Architecture: armhf
        Version: 1.0-1
        Provides: libfoo-abi (= 5)

        Package: uses-foo
        Status: install ok installed
        Architecture: armhf
        Version: 3
        Depends: libfoo1 (<< 2)

        Package: gone
        Status: deinstall ok config-files
        Architecture: armhf
        Version: 9

        """

    private func facts(_ text: String) throws -> PackageFacts {
        try PackageFacts(ControlFields(text.contains("Architecture") ? text : text + "\nArchitecture: armhf"))
    }

    private func problems(_ texts: String...) throws -> [String] {
        let system = try #require(InstalledPackages(status: Array(Self.status.utf8)))
        return system.problems(installing: try texts.map { try facts($0) }).map(\.description)
    }

    @Test func whatFits() throws {
        #expect(
            try problems(
                "Package: a\nVersion: 1\nDepends: libc6 (>= 2.28), awk, b | nothing, libfoo-abi (= 5)",
                "Package: b\nVersion: 1\nArchitecture: all\nPre-Depends: dpkg (>= 1.15)",
                "Package: libfoo1\nVersion: 1.0-2\nProvides: libfoo-abi (= 5)") == [])
    }

    @Test(arguments: [
        ("Package: a\nVersion: 1\nArchitecture: arm64", "a 1 is for arm64, and the image is armhf"),
        (
            "Package: a\nVersion: 1\nDepends: gone",
            "a 1 needs gone, which neither the image nor the packages have"
        ),
        ("Package: a\nVersion: 1\nDepends: libc6 (>= 2.40)", "a 1 needs libc6 (>= 2.40), and there is libc6 2.36-9"),
        ("Package: a\nVersion: 1\nDepends: awk (>= 1)", "a 1 needs awk (>= 1), and there is mawk 1.3.4"),
        (
            "Package: a\nVersion: 1\nDepends: libfoo-abi (= 6)",
            "a 1 needs libfoo-abi (= 6), and there is libfoo1 1.0-1"
        ),
        ("Package: a\nVersion: 1\nConflicts: awk", "a 1 conflicts with mawk 1.3.4, which the image has"),
        ("Package: a\nVersion: 1\nBreaks: mawk (<< 2)", "a 1 breaks mawk 1.3.4, which the image has"),
        (
            "Package: libfoo1\nVersion: 2.0-1",
            "uses-foo 3, which the image has, needs libfoo1 (<< 2) and would no longer find it"
        ),
    ]) func whatDoesNot(text: String, said: String) throws {
        #expect(try problems(text) == [said])
    }

    @Test func twoVersions() throws {
        #expect(
            try problems("Package: a\nVersion: 1", "Package: a\nVersion: 2") == ["a is there as 1 and as 2"])
        #expect(
            try problems("Package: a\nVersion: 1\nProvides: x\nConflicts: x", "Package: b\nVersion: 1\nProvides: x")
                == ["a 1 conflicts with b 1"])
        #expect(try problems("Package: a\nVersion: 1\nProvides: x\nConflicts: x") == [])
    }

    @Test("what must be configured first comes in a round of its own") func rounds() throws {
        let system = try #require(InstalledPackages(status: Array(Self.status.utf8)))
        let all = try [
            "Package: a\nVersion: 1\nPre-Depends: b", "Package: b\nVersion: 1\nDepends: c",
            "Package: c\nVersion: 1", "Package: d\nVersion: 1",
        ].map { try facts($0) }
        #expect(system.rounds(all).map { $0.map(\.name) } == [["b", "c", "d"], ["a"]])
        let circle = try ["Package: a\nVersion: 1\nPre-Depends: b", "Package: b\nVersion: 1\nPre-Depends: a"].map {
            try facts($0)
        }
        #expect(system.rounds(circle).map { $0.map(\.name) } == [["a", "b"]])
    }

    @Test(
        "a control file that makes no sense is said by its field",
        arguments: [
            ("Version: 1", "Package"), ("Package: a/b\nVersion: 1", "Package"), ("Package: a\nVersion: x y", "Version"),
            ("Package: a\nVersion: 1\nDepends: b (", "Depends"),
            ("Package: a\nVersion: 1\nArchitecture: ../x", "Architecture"),
        ]) func damaged(text: String, field: String)
    {
        #expect(throws: PackageFacts.DecodingError.field(field)) { try facts(text) }
    }
}
