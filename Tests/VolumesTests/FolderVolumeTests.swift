import TestSupport
import Testing
import Trees
import Volumes

/// A folder of this machine as a volume, judged by what the shell put there.
struct FolderVolumeTests {
    private let folder: TemporaryFolder
    private let volume: FolderVolume

    init() throws {
        folder = try TemporaryFolder()
        let made = try Shell.run(
            "sh",
            [
                "-c",
                """
                cd \(folder.path) && mkdir sub && printf text > sub/file && chmod 4751 sub/file && ln -s /etc/passwd out
                ln -s sub in && mkfifo pipe && touch -d @1000000000 sub/file
                """,
            ])
        #expect(made.status == 0)
        volume = FolderVolume(folder.path)
    }

    @Test func showsWhatIsThere() throws {
        #expect(try volume.entries(in: .root) == ["in", "out", "pipe", "sub"])
        let status = try #require(try volume.status(at: "/sub/file"))
        #expect(status.kind == .file && status.byteCount == 4)
        #expect(status.metadata.mode == 0o4751 && status.metadata.modified == 1_000_000_000)
        #expect(try volume.node(at: "/sub/file")?.content == .file(Array("text".utf8)))
        #expect(try volume.node(at: "/out")?.content == .symlink("/etc/passwd"))
        #expect(try volume.node(at: "/pipe")?.content == .special(.fifo))
        #expect(try volume.status(at: "/nothing") == nil)
        #expect(try FolderVolume("/dev").node(at: "/null")?.metadata.device == .init(major: 1, minor: 3))
    }

    @Test func noLinkLeadsOut() throws {
        #expect(throws: VolumeError.notADirectory("/in")) { try volume.status(at: "/in/file") }
        #expect(try volume.resolve("/in/file") == "/sub/file")
        #expect(try volume.resolve("/out") == "/etc/passwd")
        #expect(try volume.status(at: volume.resolve("/out")) == nil)
        #expect(throws: VolumeError.notADirectory("/sub/file")) { try volume.entries(in: "/sub/file") }
    }
}
