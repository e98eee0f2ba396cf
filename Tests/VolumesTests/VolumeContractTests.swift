import TestSupport
import Testing
import Trees

/// What every volume must do, whatever stores it.
struct VolumeContractTests {
    @Test("files come back as they were put", arguments: VolumeSubject.all)
    func files(_ subject: VolumeSubject) throws {
        var random = SeededGenerator(seed: 1)
        let sizes = [0, 1, 511, 512, 513, 4095, 4096, 4097, 100_000]
        let files = sizes.map { (VolumePath("/file\($0).bin") ?? .root, FileNode.file(random.bytes($0))) }
        try subject.exercise { volume throws in
            for (path, node) in files { try volume.put(node, at: path) }
        } verify: { volume throws in
            for (path, node) in files {
                let metadata = subject.stored(node).metadata
                guard case .file(let bytes) = node.content else { continue }
                let status = FileStatus(kind: .file, byteCount: Int64(bytes.count), metadata: metadata)
                #expect(try volume.node(at: path) == subject.stored(node))
                #expect(try volume.status(at: path) == status)
            }
        }
    }

    @Test("a file is overwritten whole, whatever the sizes", arguments: VolumeSubject.all)
    func overwriting(_ subject: VolumeSubject) throws {
        var random = SeededGenerator(seed: 2)
        let steps: [(Int, Int)] = [(0, 10), (10, 0), (5000, 100), (100, 5000), (4096, 4096), (8192, 4096), (70000, 0)]
        let cases = steps.enumerated().map { index, sizes in
            let (old, new) = sizes
            return (
                VolumePath("/f\(index)") ?? .root, FileNode.file(random.bytes(old)), FileNode.file(random.bytes(new))
            )
        }
        try subject.exercise { volume throws in
            for (path, old, _) in cases { try volume.put(old, at: path) }
            for (path, _, new) in cases { try volume.put(new, at: path) }
            for (path, _, new) in cases { try volume.put(new, at: path) }
        } verify: { volume throws in
            for (path, _, new) in cases { #expect(try volume.node(at: path) == subject.stored(new)) }
        }
    }

    @Test("folders hold folders, and list them in the order of UTF-8", arguments: VolumeSubject.all)
    func folders(_ subject: VolumeSubject) throws {
        let names = ["b", "a", "Z9", "_x", "ä", "a.b.c", "a-b", "10", "9", "😀", "\u{FFFD}z"]
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/top")
            try volume.put(.folder(), at: "/top/sub")
            for name in names { try volume.put(.file(name), at: try path("/top/sub/" + name)) }
        } verify: { volume throws in
            let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            #expect(try volume.entries(in: "/top") == ["sub"])
            #expect(try volume.entries(in: "/top/sub") == sorted)
            #expect(try volume.entries(in: .root).contains("top"))
            #expect(try volume.status(at: "/top/sub")?.kind == .directory)
            #expect(try volume.status(at: "/top/sub")?.byteCount == 0)
            #expect(try volume.status(at: .root)?.kind == .directory)
            for name in names {
                #expect(try volume.node(at: try path("/top/sub/" + name)) == subject.stored(.file(name)))
            }
        }
    }

    @Test("a folder put over a folder keeps its entries", arguments: VolumeSubject.all)
    func folderOverFolder(_ subject: VolumeSubject) throws {
        let later = FileNode.folder(modified: FileNode.someTime + 60)
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/d")
            try volume.put(.file("x"), at: "/d/x")
            try volume.put(later, at: "/d")
        } verify: { volume throws in
            #expect(try volume.entries(in: "/d") == ["x"])
            #expect(try volume.node(at: "/d") == subject.stored(later))
        }
    }

    @Test("what is not there is nil", arguments: VolumeSubject.all)
    func missing(_ subject: VolumeSubject) throws {
        try subject.exercise { volume throws in
            #expect(try volume.status(at: "/none") == nil)
            #expect(try volume.node(at: "/none") == nil)
            #expect(try volume.status(at: "/none/below") == nil)
            #expect(try volume.node(at: "/none/below/it") == nil)
            #expect(throws: VolumeError.notFound("/none")) { try volume.entries(in: "/none") }
            #expect(throws: VolumeError.notFound("/none")) { try volume.remove("/none") }
            #expect(throws: VolumeError.notFound("/none")) { try volume.put(.file(""), at: "/none/file") }
            #expect(throws: VolumeError.notFound("/none/below")) { try volume.put(.folder(), at: "/none/below/it") }
        }
    }

    @Test("a file is no folder, and a folder no file", arguments: VolumeSubject.all)
    func kinds(_ subject: VolumeSubject) throws {
        let file: VolumePath = "/file"
        let below: VolumePath = "/file/x"
        try subject.exercise { volume throws in
            try volume.put(.file("f"), at: file)
            try volume.put(.folder(), at: "/folder")
            try volume.put(.file("x"), at: "/folder/x")
            #expect(throws: VolumeError.notADirectory(file)) { try volume.status(at: below) }
            #expect(throws: VolumeError.notADirectory(file)) { try volume.node(at: below) }
            #expect(throws: VolumeError.notADirectory(file)) { try volume.entries(in: file) }
            #expect(throws: VolumeError.notADirectory(file)) { try volume.put(.file(""), at: below) }
            #expect(throws: VolumeError.notADirectory(file)) { try volume.remove(below) }
            #expect(throws: VolumeError.notADirectory(file)) { try volume.put(.folder(), at: file) }
            #expect(throws: VolumeError.isADirectory("/folder")) { try volume.put(.file(""), at: "/folder") }
            #expect(throws: VolumeError.isADirectory(.root)) { try volume.put(.file(""), at: .root) }
            #expect(throws: VolumeError.directoryNotEmpty("/folder")) { try volume.remove("/folder") }
            #expect(throws: VolumeError.directoryNotEmpty(.root)) { try volume.remove(.root) }
        } verify: { volume throws in
            #expect(try volume.node(at: file) == subject.stored(.file("f")))
            #expect(try volume.tree(below: "/folder") == ["/folder/x": subject.stored(.file("x"))])
        }
    }

    @Test("what is removed is gone, and its name is free again", arguments: VolumeSubject.all)
    func removing(_ subject: VolumeSubject) throws {
        try subject.exercise { volume throws in
            try volume.put(.folder(), at: "/d")
            try volume.put(.file("1"), at: "/d/a long name of a file.text")
            try volume.put(.file("2"), at: "/f")
            try volume.remove("/d/a long name of a file.text")
            try volume.remove("/d")
            try volume.remove("/f")
            #expect(try volume.node(at: "/d") == nil)
            #expect(throws: VolumeError.notFound("/f")) { try volume.remove("/f") }
            try volume.put(.file("now a file"), at: "/d")
            try volume.put(.folder(), at: "/f")
        } verify: { volume throws in
            #expect(try volume.node(at: "/d") == subject.stored(.file("now a file")))
            #expect(try volume.node(at: "/f") == subject.stored(.folder()))
        }
    }

    @Test("times, modes and owners are kept as far as they can be", arguments: VolumeSubject.all)
    func metadata(_ subject: VolumeSubject) throws {
        var owned = FileNode.file("key")
        owned.metadata = FileNode.Metadata(mode: 0o640, owner: 1000, group: 42, modified: 1_234_567_891)
        let dated = FileNode.file([1], mode: 0o755, modified: 1_234_567_891)
        try subject.exercise { volume throws in
            try volume.put(dated, at: "/dated")
            try volume.put(.folder(modified: 999_999_999), at: "/folder")
            if subject.abilities.contains(.owners) {
                try volume.put(owned, at: "/owned")
            } else {
                #expect(throws: VolumeError.notStorable("/owned", what: "an owner other than root")) {
                    try volume.put(owned, at: "/owned")
                }
            }
        } verify: { volume throws in
            #expect(try volume.node(at: "/dated") == subject.stored(dated))
            #expect(try volume.node(at: "/folder") == subject.stored(.folder(modified: 999_999_999)))
            let stored = subject.abilities.contains(.owners) ? subject.stored(owned) : nil
            #expect(try volume.node(at: "/owned") == stored)
        }
    }

    @Test("links are kept as text, or refused", arguments: VolumeSubject.all)
    func links(_ subject: VolumeSubject) throws {
        let lengths = [1, 59, 60, 61, 200, 1000]
        let links = lengths.map { (VolumePath("/l\($0)") ?? .root, FileNode.link(String(repeating: "x", count: $0))) }
        try subject.exercise { volume throws in
            for (path, node) in links {
                if subject.abilities.contains(.links) {
                    try volume.put(node, at: path)
                } else {
                    #expect(throws: VolumeError.notStorable(path, what: "a symbolic link")) {
                        try volume.put(node, at: path)
                    }
                }
            }
            guard subject.abilities.contains(.links) else { return }
            try volume.put(.folder(), at: "/folder")
            try volume.put(.link("folder"), at: "/l1")
            #expect(throws: VolumeError.notADirectory("/l1")) { try volume.entries(in: "/l1") }
            #expect(throws: VolumeError.notADirectory("/l1")) { try volume.status(at: "/l1/x") }
            try volume.put(.file("a file now"), at: "/l59")
        } verify: { volume throws in
            guard subject.abilities.contains(.links) else { return }
            #expect(try volume.node(at: "/l1") == .link("folder"))
            #expect(try volume.node(at: "/l59") == subject.stored(.file("a file now")))
            for (path, node) in links.dropFirst(2) { #expect(try volume.node(at: path) == node) }
            #expect(try volume.status(at: "/l60")?.byteCount == 60)
        }
    }

    @Test("what cannot be stored is refused", arguments: VolumeSubject.all)
    func refusals(_ subject: VolumeSubject) throws {
        let pipe = FileNode(content: .special(.fifo), metadata: .init(mode: 0o600))
        var tagged = FileNode.file("x")
        tagged.metadata.extendedAttributes = ["user.note": [1, 2, 3]]
        try subject.exercise { volume throws in
            if !subject.abilities.contains(.specials) {
                #expect(throws: VolumeError.notStorable("/p", what: "a special file")) {
                    try volume.put(pipe, at: "/p")
                }
                #expect(try volume.node(at: "/p") == nil)
            }
            if subject.abilities.contains(.attributes) {
                try volume.put(tagged, at: "/t")
            } else {
                #expect(throws: VolumeError.notStorable("/t", what: "extended attributes")) {
                    try volume.put(tagged, at: "/t")
                }
            }
        } verify: { volume throws in
            let stored = subject.abilities.contains(.attributes) ? subject.stored(tagged) : nil
            #expect(try volume.node(at: "/t") == stored)
        }
    }

    private func path(_ text: String) throws -> VolumePath { try #require(VolumePath(text)) }
}
