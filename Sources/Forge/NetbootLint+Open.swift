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
    /// with them in their place.
    package static func reports(
        of path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [Report] {
        try reports(of: open(path, cache: cache, observe: observe), called: path)
    }

    private static func open(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> any Volume {
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
