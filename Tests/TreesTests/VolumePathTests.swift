import Testing
import Trees

/// Paths and names are bytes, whatever Unicode says of them.
struct VolumePathTests {
    @Test(
        "names that differ in nothing except composition are two names",
        arguments: [
            ("\u{E9}", "e\u{301}"), ("\u{212A}", "K"), ("\u{212B}", "A\u{30A}"), ("q\u{307}\u{323}", "q\u{323}\u{307}"),
        ])
    func composition(_ first: String, _ second: String) throws {
        #expect(first == second, "a pair that proves nothing")
        let paths = try [first, second].map { try #require(VolumePath("/a/\($0)/b")) }
        #expect(paths[0] != paths[1] && Set(paths).count == 2)
        #expect((paths[0] < paths[1]) != (paths[1] < paths[0]))
        #expect(!paths[0].isBelow(paths[1].parent) && paths[0].isBelow(paths[0].parent))
        #expect(FileName(first) != FileName(second) && Set([FileName(first), FileName(second)]).count == 2)
    }

    @Test("a slash is a byte, also before a combining mark")
    func slash() throws {
        let texts = ["/\u{301}a/\u{FE0F}b", "a/b", "/a//./b"]
        let paths = texts.map { VolumePath($0) }
        let path = try #require(paths[0])
        #expect(path.components.map { Array($0.utf8) } == [[0xCC, 0x81, 0x61], [0xEF, 0xB8, 0x8F, 0x62]])
        #expect(path.parent == VolumePath(components: ["\u{301}a"]))
        #expect(paths[1] == nil && paths[2]?.components == ["a", "b"])
    }

    @Test("an edit of one of two such names leaves the other, and both are listed")
    func edits() throws {
        let file = { (text: String) in FileNode(content: .file(Array(text.utf8)), metadata: .init(mode: 0o644)) }
        let base = MemoryVolume()
        for name in ["\u{E9}", "e\u{301}"] { try base.put(file("old"), at: try #require(VolumePath("/" + name))) }
        for layer in [LayeredVolume(over: base), LayeredVolume(over: base, matchesAnyCase: true)] {
            try layer.put(file("new"), at: "/e\u{301}")
            #expect(try layer.entries(in: .root).map { Array($0.utf8) } == [[0x65, 0xCC, 0x81], [0xC3, 0xA9]])
            #expect(try layer.node(at: "/\u{E9}") == file("old"))
            #expect(try layer.node(at: "/e\u{301}") == file("new"))
        }
    }

    @Test("a link's text is followed by its bytes")
    func links() throws {
        let volume = MemoryVolume()
        let folder = FileNode(content: .directory, metadata: .init(mode: 0o755))
        for path: VolumePath in ["/a", "/a/\u{301}b"] { try volume.put(folder, at: path) }
        let link = { FileNode(content: .symlink($0), metadata: .init(mode: 0o777)) }
        try volume.put(link("/\u{301}b"), at: "/a/up")
        try volume.put(link("./\u{301}b"), at: "/a/down")
        #expect(try volume.resolve("/a/up") == "/\u{301}b")
        #expect(try volume.resolve("/a/down") == "/a/\u{301}b")
    }
}
