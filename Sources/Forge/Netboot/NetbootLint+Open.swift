package import Bases
import Blocks
import Glibc
import Images
package import Netboot
package import Reports
import Trees
import Volumes

extension NetbootLint {
    /// Looks at a folder, an archive or an image: a tree, several in folders named p1 to p252, or a controller's card
    /// with them in their place; or at a folder of such archives, each of which is named in its reports.
    package static func reports(
        of path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [Report] {
        let archives = archives(in: path)
        guard !archives.isEmpty else {
            return try reports(of: open(path, cache: cache, observe: observe), called: path)
        }
        var all: [Report] = []
        for name in archives {
            let archive = path + (path.hasSuffix("/") ? "" : "/") + name
            for var report in try reports(of: open(archive, cache: cache, observe: observe), called: archive) {
                report.tree = report.tree.isEmpty ? archive : "\(archive): \(report.tree)"
                all.append(report)
            }
        }
        return all
    }

    /// The tars in a folder that is no tree itself, in the order of their names.
    private static func archives(in folder: String) -> [String] {
        (FolderListing.names(in: folder) ?? []).filter { name in
            [".tar", ".tar.xz", ".tar.zst", ".tar.gz"].contains { name.hasSuffix($0) }
        }.sorted()
    }

    private static func open(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> any ReadableVolume {
        var status = stat()
        guard stat(path, &status) == 0 else { throw ForgeError.reading(path, errno: errno) }
        if status.st_mode & S_IFMT == S_IFDIR { return FolderVolume(path) }
        if let archive = try ArchiveVolume.open(.init(path: path, sha256: nil), cache: cache, observe: observe) {
            return archive.volume
        }
        let base = try BaseImage.open(ImageSource(path: path, sha256: nil), cache: cache, observe: observe)
        return try SystemImage(Overlay(over: base.reader), now: nil).root
    }
}
