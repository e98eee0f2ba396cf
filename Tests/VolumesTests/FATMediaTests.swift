import TestSupport
import Testing
import Trees

@testable import Volumes

/// Volumes of all shapes, made and filled by dosfstools and mtools, edited by us, judged and read back by them.
@Suite(.needs("mkfs.fat", "fsck.fat", "mcopy", "mdir", "mdel", "mmd", "mattrib"))
struct FATMediaTests {
    static let formats: [FATImage.Format] = [
        .init(kind: 12, kibibytes: 1440),
        .init(kind: 12, kibibytes: 4096, sectorsPerCluster: 16, tables: 1),
        .init(kind: 16, kibibytes: 4096, sectorsPerCluster: 1),
        .init(kind: 16, kibibytes: 40000, sectorsPerCluster: 4, tables: 1),
        .init(kind: 16, kibibytes: 270_000, sectorsPerCluster: 64),
        .init(kind: 16, kibibytes: 20000, sectorsPerCluster: 2, bytesPerSector: 1024),
        .init(kind: 16, kibibytes: 40000, sectorsPerCluster: 1, bytesPerSector: 4096),
        .init(kind: 32, kibibytes: 40000, sectorsPerCluster: 1),
        .init(kind: 32, kibibytes: 262_144, sectorsPerCluster: 4),
        .init(kind: 32, kibibytes: 524_288, sectorsPerCluster: 1),
        .init(kind: 32, kibibytes: 80000, sectorsPerCluster: 1, bytesPerSector: 1024, tables: 1),
        .init(kind: 32, kibibytes: 150_000, sectorsPerCluster: 1, bytesPerSector: 2048),
        .init(kind: 32, kibibytes: 300_000, sectorsPerCluster: 1, bytesPerSector: 4096),
        .init(kind: 32, kibibytes: 2_200_000, sectorsPerCluster: 64),
        .init(kind: 32, kibibytes: 4_400_000, sectorsPerCluster: 128),
    ]

    @Test("their files are read, ours are read by them", arguments: formats)
    func bothWays(_ format: FATImage.Format) throws {
        let image = try FATImage(format)
        var random = SeededGenerator(seed: 3)
        let files = [
            "config.txt": random.bytes(2300), "empty": [], "Kernel 8.img": random.bytes(150_000),
            "overlays/a rather long name.dtbo": random.bytes(1700), "overlays/UPPER.DTB": random.bytes(512),
        ]
        try image.mtool("mmd", ["::/overlays"])
        for (name, bytes) in files { try image.mcopy(bytes, to: "/" + name) }

        let new = random.bytes(70000)
        try image.edit { volume in
            for (name, bytes) in files {
                let node = try volume.node(at: try #require(VolumePath("/" + name)))
                #expect(node?.content == .file(bytes), "\(name)")
            }
            #expect(try volume.entries(in: .root) == ["Kernel 8.img", "config.txt", "empty", "overlays"])
            #expect(try volume.entries(in: "/overlays") == ["UPPER.DTB", "a rather long name.dtbo"])
            try volume.put(.file("arm_64bit=1\n"), at: "/config.txt")
            try volume.put(.file(new), at: "/empty")
            try volume.put(.file(new), at: "/overlays/network-config")
            try volume.put(.folder(), at: "/overlays/New Folder")
            try volume.put(.file("deep"), at: "/overlays/New Folder/ssh")
            try volume.remove("/Kernel 8.img")
        }

        try image.check()
        #expect(try image.mread("/config.txt") == Array("arm_64bit=1\n".utf8))
        #expect(try image.mread("/empty") == new)
        #expect(try image.mread("/overlays/network-config") == new)
        #expect(try image.mread("/overlays/New Folder/ssh") == Array("deep".utf8))
        #expect(try image.mread("/overlays/UPPER.DTB") == files["overlays/UPPER.DTB"])
        let listing = try image.mtool("mdir", ["-/", "-b", "::"]).split(separator: "\n").map(String.init)
        let expected = [
            "::/config.txt", "::/empty", "::/overlays/", "::/overlays/New Folder/", "::/overlays/New Folder/ssh",
            "::/overlays/UPPER.DTB", "::/overlays/a rather long name.dtbo", "::/overlays/network-config",
        ]
        #expect(listing.sorted() == expected)
        #expect(try image.mtool("mdir", ["::"]).contains("Volume in drive : is BOOTFS"))
    }

    @Test("opening, reading and putting what is there writes nothing", arguments: [formats[0], formats[2], formats[7]])
    func unchanged(_ format: FATImage.Format) throws {
        let image = try FATImage(format)
        try image.mtool("mmd", ["::/sub"])
        try image.mcopy(Array("dwc_otg.lpm_enable=0\n".utf8), to: "/cmdline.txt")
        try image.mcopy(Array("x".utf8), to: "/sub/A Long Name.text")
        let before = try image.bytes
        try image.edit { volume in
            for path: VolumePath in ["/cmdline.txt", "/sub/A Long Name.text", "/sub"] {
                let node: FileNode = try #require(try volume.node(at: path))
                try volume.put(node, at: path)
            }
            try volume.put(try #require(try volume.node(at: .root)), at: .root)
            #expect(throws: VolumeError.notFound("/none")) { try volume.remove("/none") }
            #expect(throws: VolumeError.notFound("/none")) { try volume.put(.file(""), at: "/none/x") }
        }
        #expect(try image.bytes == before)
    }

    @Test("equal edits of equal volumes give equal bytes, and none of the tail of an old file stays")
    func reproducible() throws {
        let images = try (0..<2).map { _ in try FATImage(.init(kind: 16, kibibytes: 17408, sectorsPerCluster: 8)) }
        for image in images {
            try image.edit { volume in
                try volume.put(.file(String(repeating: "secret", count: 1000)), at: "/one")
                try volume.put(.file("short"), at: "/one")
                try volume.put(.file(String(repeating: "x", count: 5000)), at: "/two.text")
            }
        }
        #expect(try images[0].bytes == images[1].bytes)
        let volume = try images[0].open(access: .readOnly)
        guard case .entry(_, let record) = try volume.find("/one") else { return try #require(Bool(false)) }
        let cluster = try volume.read([record.entry.cluster(.fat16)], byteCount: 4096)
        #expect(cluster == Array("short".utf8) + [UInt8](repeating: 0, count: 4091))
    }

    @Test("attributes and the case of an existing name are kept, new files get the archive bit")
    func attributes() throws {
        let image = try FATImage(.init(kind: 32, kibibytes: 40000, sectorsPerCluster: 1))
        try image.mcopy([1, 2, 3], to: "/CMDLINE.TXT")
        try image.mtool("mattrib", ["-a", "+r", "+h", "+s", "::/CMDLINE.TXT"])
        try image.edit { volume in
            try volume.put(.file("longer than before"), at: "/cmdline.txt")
            try volume.put(.file("new"), at: "/new.txt")
            #expect(try volume.entries(in: .root) == ["CMDLINE.TXT", "new.txt"])
        }
        try image.check()
        let shown = try image.mtool("mattrib", ["::/CMDLINE.TXT", "::/new.txt"]).split(separator: "\n")
        #expect(shown.map { $0.prefix(10).filter { $0 != " " } } == ["SHR", "A"])
        #expect(try image.mread("/CMDLINE.TXT") == Array("longer than before".utf8))
    }

    @Test("fragmented files are read and grow between each other")
    func fragments() throws {
        let image = try FATImage(.init(kind: 32, kibibytes: 40000, sectorsPerCluster: 1))
        var random = SeededGenerator(seed: 4)
        for index in 0..<40 { try image.mcopy(random.bytes(3000), to: "/f\(index)") }
        try image.mtool("mdel", (0..<40).filter { $0 % 2 == 0 }.map { "::/f\($0)" })
        let filler = try image.open(access: .readOnly).table.freeClusters(120, from: 2) ?? []
        #expect(zip(filler, filler.dropFirst()).contains { $1 != $0 + 1 })
        let big = random.bytes(200_000)
        let bigger = random.bytes(90_000)
        try image.edit { volume in
            volume.lastAllocated = 2
            try volume.put(.file(big), at: "/big")
            try volume.put(.file(bigger), at: "/f1")
        }
        try image.check()
        #expect(try image.mread("/big") == big)
        #expect(try image.mread("/f1") == bigger)
        try image.edit { volume in
            #expect(try volume.node(at: "/big")?.content == .file(big))
            try volume.remove("/big")
            try volume.put(.file("small"), at: "/f1")
        }
        try image.check()
    }

    @Test("a thousand entries of theirs and a thousand of ours", arguments: [16, 32])
    func manyEntries(_ kind: Int) throws {
        let image = try FATImage(.init(kind: kind, kibibytes: kind == 16 ? 20000 : 40000, sectorsPerCluster: 1))
        let sources = try TemporaryFolder()
        let names = (0..<1000).map { "\($0). overlay file.dtbo" }
        for name in names { try Shell.write(Array(name.utf8), to: sources.path + "/" + name) }
        try image.mtool("mmd", ["::/o"])
        try image.mtool("mcopy", names.map { sources.path + "/" + $0 } + ["::/o"])
        try image.edit { volume in
            #expect(try volume.entries(in: "/o") == names.sorted())
            #expect(try volume.node(at: "/o/777. OVERLAY FILE.DTBO")?.content == .file(Array(names[777].utf8)))
            try volume.put(.folder(), at: "/p")
            for name in names { try volume.put(.file(name), at: try #require(VolumePath("/p/" + name))) }
        }
        try image.check()
        let listing = try image.mtool("mdir", ["-b", "::/p"]).split(separator: "\n").map { $0.dropFirst(5) }
        #expect(listing.sorted() == names.sorted().map { $0[...] })
    }
}
