package import Bases
package import Blocks
import Plans
package import Reports
import Trees
package import Volumes

extension ArchiveVolume {
    /// An archive's tree, and what it was read from.
    package struct Opened {
        package let volume: ArchiveVolume
        package let digest: SHA256Digest
        package let format: String
        /// The name that it had where it came from; nil for one that was on this machine.
        package let name: String?
    }

    /// Opens a tar of a tree, packed or not, through the cache; nil when the file is something else.
    package static func open(
        _ base: ImageSource, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Opened? {
        let subject = base.name
        let local = try base.local(observe: observe)
        defer { withExtendedLifetime(local) {} }
        let archive = try wrapping(
            TreeArchive.open(
                path: local.path, expectedSHA256: base.sha256, name: local.name, version: version, cache: cache,
                progress: { observe(Progress($0, subject: subject)) }, isCancelled: { Interruption.isRequested },
                pack: ArchivePacker.pack), as: { ForgeError($0, opening: base.path) })
        guard let archive else { return nil }
        return try wrapping(on: .root) { () throws(VolumeError) in
            return Opened(
                volume: try ArchiveVolume(archive.file), digest: archive.sourceDigest,
                format: archive.format.rawValue, name: local.name)
        }
    }
}
