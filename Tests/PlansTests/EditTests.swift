import Testing
import Trees

@testable import Plans

struct EditTests {
    private let target = Target(.root, "/a")
    private let old = FileNode(
        content: .file(Array("x\n".utf8)),
        metadata: .init(mode: 0o640, owner: 1, group: 2, modified: 5, extendedAttributes: ["user.a": [1]]))

    private func wanted(_ action: Edit.Action, _ old: FileNode?, on partition: Target.Partition = .root) throws
        -> FileNode?
    {
        let edit = Edit(Target(partition, "/a"), action, reason: "test")
        let result = try edit.wanted(old, modified: 9)
        #expect(try edit.wanted(result, modified: 10) == result)
        return result
    }

    @Test func puttingWhatIsThereKeepsItsTime() throws {
        var same = old
        same.metadata.modified = 7
        #expect(try wanted(.put(same), old) == old)
        var other = same
        other.metadata.mode = 0o644
        var result = other
        result.metadata.modified = 9
        #expect(try wanted(.put(other), old) == result)
        #expect(try wanted(.put(other), nil) == result)
        // FAT stores no mode, so only the bytes count there.
        #expect(try wanted(.put(other), old, on: .boot) == old)
        let link = FileNode(content: .symlink("b"), metadata: .init(mode: 0o777))
        let read = FileNode(content: .symlink("b"), metadata: .init(mode: 0o700, modified: 3))
        #expect(try wanted(.put(link), read) == read)
    }

    @Test func rewritingKeepsAllButTheText() throws {
        let action = Edit.Action.rewrite([.ensureLine("y")], missing: .init(mode: 0o600))
        var result = old
        result.content = .file(Array("x\ny\n".utf8))
        result.metadata.modified = 9
        #expect(try wanted(action, old) == result)
        #expect(try wanted(.rewrite([.ensureLine("x")], missing: nil), old) == old)
        #expect(
            try wanted(action, nil)
                == FileNode(content: .file(Array("y\n".utf8)), metadata: .init(mode: 0o600, modified: 9)))
    }

    @Test func bytesThatAreNoTextStay() throws {
        let bytes: [UInt8] = [0xE9, 0x0D, 0x0A, 0xFF, 0x0A]
        let latin = FileNode(content: .file(bytes), metadata: .init(mode: 0o644))
        let result = try wanted(.rewrite([.ensureLine("é")], missing: nil), latin)
        #expect(result?.content == .file(bytes + [0xC3, 0xA9, 0x0D, 0x0A]))
    }

    @Test func foldersAndRemovals() throws {
        let folder = FileNode(content: .directory, metadata: .init(mode: 0o700, modified: 1))
        #expect(try wanted(.ensureDirectory(.init(mode: 0o755)), folder) == folder)
        #expect(
            try wanted(.ensureDirectory(.init(mode: 0o755)), nil)
                == FileNode(content: .directory, metadata: .init(mode: 0o755, modified: 9)))
        #expect(try wanted(.remove, old) == nil)
        #expect(try wanted(.remove, nil) == nil)
    }

    @Test func whatIsInTheWayIsNamed() {
        let folder = FileNode(content: .directory, metadata: .init(mode: 0o755))
        let link = FileNode(content: .symlink("/etc/shadow"), metadata: .init(mode: 0o777))
        let cases: [(Edit.Action, FileNode?, EditError, String)] = [
            (.put(old), folder, .unexpected(target, .directory), "could not change root:/a: it is a folder"),
            (.put(folder), old, .unexpected(target, .file), "could not change root:/a: it is a file"),
            (
                .ensureDirectory(.init(mode: 0)), link, .unexpected(target, .symlink),
                "could not change root:/a: it is a symbolic link"
            ),
            (.remove, folder, .unexpected(target, .directory), "could not change root:/a: it is a folder"),
            (.rewrite([], missing: nil), nil, .missing(target), "could not change root:/a: there is no such file"),
            (
                .rewrite([], missing: nil), link, .unexpected(target, .symlink),
                "could not change root:/a: it is a symbolic link"
            ),
            (
                .rewrite([.setLine(.init(prefix: "q"), to: "q", whenMissing: .fail)], missing: nil), old,
                .rule(target, .lineNotFound("q…")), "could not change root:/a: it has no line q…"
            ),
        ]
        for (action, node, error, message) in cases {
            #expect(throws: error) { try Edit(target, action, reason: "").wanted(node, modified: 0) }
            #expect(error.description == message)
        }
        let cause = VolumeError.notFound("/a")
        #expect(EditError.unreadable(target, cause).description == "could not read root:/a: \(cause)")
    }
}
