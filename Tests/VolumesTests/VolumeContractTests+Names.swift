import TestSupport
import Testing
import Trees

extension VolumeContractTests {
    @Test("case distinguishes names or does not", arguments: VolumeSubject.all)
    func letterCase(_ subject: VolumeSubject) throws {
        let names: [VolumePath] = ["/Config.txt", "/A long Name.text", "/GRÖSSE.text"]
        let others: [VolumePath] = ["/CONFIG.TXT", "/a LONG nAME.TEXT", "/grösse.text"]
        try subject.exercise { volume throws in
            for path in names { try volume.put(.file("1"), at: path) }
            for path in others { try volume.put(.file("2"), at: path) }
        } verify: { volume throws in
            let found = try volume.entries(in: .root)
            let isSensitive = subject.abilities.contains(.caseSensitive)
            for (first, second) in zip(names, others) {
                #expect(found.contains(first.name ?? ""))
                #expect(found.contains(second.name ?? "") == isSensitive)
                #expect(try volume.node(at: first) == subject.stored(.file(isSensitive ? "1" : "2")))
                #expect(try volume.node(at: second) == subject.stored(.file("2")))
            }
        }
    }

    @Test("names may be long and in any script", arguments: VolumeSubject.all)
    func names(_ subject: VolumeSubject) throws {
        let names = [
            String(repeating: "n", count: 255), "Grüße an 😀.txt", "日本語.text", ".hidden", "two  spaces", "a+b=c;[d],e",
            "many.dots.in.it", "network-config", "custom.toml", "initramfs_2712", "ssh", "cmdline.txt", "UPPER.txt",
            "x~1", "exactly13char", "twenty-six characters long",
            // An é of one code point and one of two, and a mark that would join a slash before it.
            "caf\u{E9}", "cafe\u{301}", "\u{301}mark",
        ]
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/n")
            for name in names { try volume.put(.file(name), at: try #require(VolumePath("/n/" + name))) }
        } verify: { volume throws in
            #expect(try volume.entries(in: "/n").map(FileName.init) == names.map(FileName.init).sorted())
            for name in names {
                let path = try #require(VolumePath("/n/" + name))
                #expect(try volume.node(at: path) == subject.stored(.file(name)))
            }
        }
    }

    @Test("a folder grows, empties and fills again", arguments: VolumeSubject.all)
    func manyEntries(_ subject: VolumeSubject) throws {
        let paths = try (0..<300).map { try #require(VolumePath("/many/A file with number \($0).txt")) }
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/many")
            for path in paths { try volume.put(.file(path.description), at: path) }
            for path in paths[50..<250] { try volume.remove(path) }
            for path in paths[100..<200] { try volume.put(.file(path.description), at: path) }
        } verify: { volume throws in
            let left = Array(paths[..<50] + paths[100..<200] + paths[250...])
            let nodes = left.map { ($0, subject.stored(.file($0.description))) }
            #expect(try volume.tree(below: "/many") == Dictionary(uniqueKeysWithValues: nodes))
        }
    }

    @Test(
        "any sequence of edits leaves what it leaves in memory", arguments: VolumeSubject.all, [UInt64](1...4))
    func sequences(_ subject: VolumeSubject, seed: UInt64) throws {
        let model = MemoryVolume()
        try model.put(.folder(), at: "/w")
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/w")
            var random = SeededGenerator(seed: seed)
            for _ in 0..<250 {
                let edit = RandomEdit(using: &random)
                let expected = outcome { try edit.apply(to: model, stored: subject.stored) }
                #expect(outcome { try edit.apply(to: volume) { $0 } } == expected, "\(edit)")
            }
            #expect(try volume.tree(below: "/w") == model.tree(below: "/w"))
        } verify: { volume throws in
            #expect(try volume.tree(below: "/w") == model.tree(below: "/w"))
        }
    }

    private func outcome(_ body: () throws -> Void) -> VolumeError? {
        do {
            try body()
            return nil
        } catch let error as VolumeError {
            return error
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }
}

/// One step of a random sequence; often enough it cannot be done, and every volume must then say the same.
private struct RandomEdit {
    private let path: VolumePath
    private let node: FileNode?

    init(using random: inout SeededGenerator) {
        let names = ["a", "b", "cmdline.txt", "a longer name.config", "Ünïcode.dat", "dir", "dir two", "deep"]
        let depth = [1, 1, 2, 2, 3].randomElement(using: &random) ?? 1
        let components = (0..<depth).map { _ in names.randomElement(using: &random) ?? "a" }
        path = VolumePath(components: ["w"] + components) ?? .root
        let modified = FileNode.someTime + Int64.random(in: 0...100_000, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: node = .file(random.bytes(Int.random(in: 0...9000, using: &random)), modified: modified)
        case 5..<7: node = .folder(modified: modified)
        default: node = nil
        }
    }

    func apply(to volume: any Volume, stored: (FileNode) -> FileNode) throws {
        if let node { try volume.put(stored(node), at: path) } else { try volume.remove(path) }
    }
}
