import Bases
import Forge
import Foundation
import Netboot
import Plans
import TestSupport
import Testing

/// A netboot tree as GNU tar unpacks it.
struct UnpackedTree {
    struct Entry: Equatable {
        var type: String
        var mode: UInt16
        /// Of a link the text.
        var bytes: Data?
    }

    let folder: TemporaryFolder
    /// By path without a leading slash; the top is "".
    let entries: [String: Entry]
    /// `tar -tv` of the archive, a line for each path: type, mode, owner, time.
    let listing: [String: String]

    /// From an archive, packed or not.
    init(archive path: String) throws {
        folder = try TemporaryFolder()
        let unpacked = try Shell.run("tar", ["-xf", path, "-C", folder.path, "--no-same-owner", "-p"])
        try #require(unpacked.status == 0, "tar: \(unpacked.error)")
        entries = try Self.entries(of: folder.path)
        let told = try Shell.run("tar", ["-tvf", path, "--numeric-owner", "--full-time", "--quoting-style=literal"])
        try #require(told.status == 0, "tar: \(told.error)")
        var listing: [String: String] = [:]
        for line in told.output.split(separator: "\n") {
            // drwxr-xr-x 0/0  0 2023-11-14 22:13:20 ./bin/
            let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            try #require(words.count == 6, "\(line)")
            let name = words[5].components(separatedBy: " -> ")[0].components(separatedBy: " link to ")[0]
            let bare = name.dropFirst(2).hasSuffix("/") ? name.dropFirst(2).dropLast() : name.dropFirst(2)
            listing[String(bare)] = "\(words[0]) \(words[1]) \(words[3]) \(words[4])"
        }
        self.listing = listing
    }

    static func entries(of folder: String) throws -> [String: Entry] {
        var entries: [String: Entry] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let full = folder + "/" + path
            var status = stat()
            try #require(lstat(full, &status) == 0)
            let mode = UInt16(status.st_mode & 0o7777)
            switch status.st_mode & S_IFMT {
            case S_IFDIR: entries[path] = Entry(type: "directory", mode: mode)
            case S_IFLNK:
                let text = try FileManager.default.destinationOfSymbolicLink(atPath: full)
                entries[path] = Entry(type: "symlink", mode: 0o777, bytes: Data(text.utf8))
            default:
                let isReadable = status.st_mode & S_IFMT == S_IFREG
                let bytes = isReadable ? try Data(contentsOf: URL(fileURLWithPath: full)) : nil
                entries[path] = Entry(type: isReadable ? "regular" : "special", mode: mode, bytes: bytes)
            }
        }
        return entries
    }

    func text(_ path: String) -> String? {
        entries[path]?.bytes.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Piforge {
    /// Makes trees in this process, with flags as `--set` takes them.
    static func netboot(
        _ slots: String, from base: String, into folder: String, format: TreeFormat = .tar, profile: String? = nil,
        set flags: [String] = [], epoch: Int64? = nil, cache: String? = nil, replacing: Bool = true
    ) throws -> [NetbootBuild.Result] {
        let request = try Request(
            profilePath: profile, slots: slots, flags: try Request.assignments(flags), environment: [:])
        let netboot = NetbootBuild(
            try request.spec(basePath: base, epoch: epoch), into: folder, format: format, replacing: replacing,
            cache: Cache(path: (cache ?? sharedCache) + "/piforge"), initramfs: nil, observe: { _ in })
        var results: [NetbootBuild.Result] = []
        try netboot.run { results.append($0) }
        return results
    }
}

extension BaseSpec {
    /// 8086's archive of a release's tree.
    static func usbboot(_ release: String, ending: String = "tar.xz") -> BaseSpec {
        BaseSpec(release: release, kind: "usbboot", ending: ending)
    }
}
