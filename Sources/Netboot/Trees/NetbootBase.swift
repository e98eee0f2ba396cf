package import Bases
package import Blocks
package import Images
import Plans
package import Reports
package import Trees
import Volumes

/// What netboot trees are made from: the two partitions of an image, or a whole tree that lies in an archive.
///
/// Nothing of it is ever changed: a slot's edits lie in layers over it.
package final class NetbootBase {
    package let boot: any ReadableVolume
    package let root: any ReadableVolume
    /// All of it, the boot files in their folder.
    package let tree: any TreeSource
    /// The boot files' folder in the tree.
    package let bootMount: VolumePath
    /// Whether it is an archive of a tree, which brings its own initramfs.
    package let isArchive: Bool
    /// When it was last written, in seconds since 1970-01-01 UTC.
    package let lastWritten: Int64
    package let format: String
    package let sourceDigest: SHA256Digest
    /// The name that the file had where it came from; nil for one that was on this machine.
    package let name: String?
    /// About how many bytes of files a pass reads.
    package let byteCount: Int64
    /// Nil for an archive, whose cached form is read.
    private let image: BaseImage?

    /// Throws when the base was changed since it was opened.
    package func confirmUnchanged() throws(ForgeError) { try image?.confirmUnchanged() }

    /// An image is unpacked into the cache even where it could be read in place: a pass over its files jumps about.
    package static func open(
        _ base: ImageSource, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> NetbootBase {
        if let archive = try ArchiveVolume.open(base, cache: cache, observe: observe) {
            return try NetbootBase(archive)
        }
        let image = try BaseImage.open(base, cache: cache, unpacking: true, observe: observe)
        return try wrapping(NetbootBase(image), as: { (error: ForgeError) in error.naming(image: base.path) })
    }

    private init(_ base: BaseImage) throws(ForgeError) {
        let image = try SystemImage(Overlay(over: base.reader), now: nil)
        guard let bootTree = image.boot as? any TreeSource, let rootTree = image.root as? any TreeSource else {
            throw ForgeError(.bug, "could not read the trees of the image")
        }
        bootMount = try PlanError.wrapping(ImageFacts.read(boot: image.boot, root: image.root).bootMount)
        (boot, root) = (image.boot, image.root)
        tree = TreeUnion(rootTree, mounting: bootTree, at: bootMount)
        isArchive = false
        lastWritten = image.lastWritten
        format = base.format.rawValue
        sourceDigest = base.sourceDigest
        name = base.name
        byteCount = image.usedByteCount
        self.image = base
    }

    private init(_ archive: ArchiveVolume.Opened) throws(ForgeError) {
        let volume = archive.volume
        root = volume
        tree = volume
        bootMount = try Self.bootMount(of: volume, called: "the archive")
        boot = ReadableSubtree(of: volume, at: bootMount)
        isArchive = true
        lastWritten = volume.newestTime
        format = archive.format
        sourceDigest = archive.digest
        name = archive.name
        byteCount = volume.byteCount
        image = nil
    }

    /// Where cmdline.txt lies that is no note saying that it moved: bookworm leaves one in /boot.
    package static func bootMount(of volume: any ReadableVolume, called name: String) throws(ForgeError) -> VolumePath {
        for folder: VolumePath in ["/boot/firmware", "/boot"] {
            guard try wrapping(on: .root, volume.status(at: folder)?.kind) == .directory,
                let path = folder.appending("cmdline.txt")
            else { continue }
            if try wrapping(on: .root, volume.status(at: path)?.kind) == .file { return folder }
        }
        throw ForgeError(
            .badInput, "could not use \(name): it has neither boot/firmware/cmdline.txt nor boot/cmdline.txt",
            hint: "use one of 8086's …-usbboot.tar.xz, or a CNAT, CBRIDGE or pN image")
    }
}

extension NetbootBase {
    /// One slot's edits over the base.
    struct Layers {
        let boot: any Volume
        let root: any Volume
        private let bootLayer: LayeredVolume?
        private let rootLayer: LayeredVolume
        private let mount: VolumePath

        fileprivate init(_ base: NetbootBase) {
            mount = base.bootMount
            rootLayer = LayeredVolume(over: base.root)
            root = rootLayer
            bootLayer = base.isArchive ? nil : LayeredVolume(over: base.boot, matchesAnyCase: true)
            boot = bootLayer ?? SubtreeVolume(of: rootLayer, at: base.bootMount)
        }

        /// As edits of the whole tree.
        var edits: TreeEdits {
            guard let bootLayer else { return rootLayer.edits }
            return rootLayer.edits.merging(bootLayer.edits.below(mount))
        }
    }

    func layers() -> Layers { Layers(self) }
}
