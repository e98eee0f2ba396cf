package import Bases
import Blocks
package import Images
import Netboot
package import Plans
package import Reports
import Trees
import Volumes

/// What a finished image or netboot tree is held against: the settings of its slot, and its bytes against its manifest.
package struct Verification: Sendable {
    /// A file or folder.
    package let path: String
    package let slot: Slot
    /// What would have to change for the slot's settings to hold; empty when nothing would.
    package let differences: [ChangeReport]
    /// The manifest beside the file; nil when there is none, or when the bytes do not count.
    package let manifest: String?
    /// The manifest beside the file when it is of the same image in another packing, so that it says nothing of the bytes.
    package let unusedManifest: String?
    /// Whether the file's bytes are those that the manifest was written for; nil without one.
    package let isAsMade: Bool?
    /// What the manifest says that was warned of when it was made.
    package let warnings: [String]

    package var matches: Bool { differences.isEmpty && isAsMade != false }

    /// `settingsOnly` for what has lived since it was made: its bytes are not compared.
    package init(
        _ source: ImageSource, is job: BuildSpec.Job, of cluster: String? = nil, settingsOnly: Bool = false,
        cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        path = source.path
        slot = job.slot
        differences = try BuildSpec.verify(source, is: job, of: cluster, cache: cache, observe: observe)
        guard !settingsOnly, let path = source.ownPath else {
            (unusedManifest, manifest, warnings, isAsMade) = (nil, nil, [], nil)
            return
        }
        let beside = try OutputManifest.beside(path)
        let found = beside.flatMap { $0.isOf(path) ? $0 : nil }
        unusedManifest = found == nil ? beside?.path : nil
        manifest = found?.path
        warnings = found?.manifest.warnings ?? []
        isAsMade = try found?.describesBytes(of: path)
    }

    /// The slot that an image or tree is: by its label, its manifest, or its name; nil when nothing tells.
    package static func slot(
        of source: ImageSource, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> Slot? {
        if let path = source.ownPath, let manifest = try OutputManifest.beside(path)?.manifest,
            let slot = Slot.recorded(manifest.slot)
        {
            return slot
        }
        if let tree = try BuildSpec.tree(at: source, cache: cache, observe: observe) {
            let trees = try wrapping(on: .root, NetbootTree.all(in: tree))
            if trees.count == 1, let slot = trees[0].slot { return slot }
        } else {
            let base = try BaseImage.openBytes(of: source, cache: cache, isShared: true, observe: observe)
            let label = try wrapping(
                CardLabel.read(from: base.reader),
                as: { (error: BlockError) in ForgeError(error, reading: source.path) })
            if let label { return Slot.recorded(label.slot) }
        }
        // DIR/<cluster>-<slot>.tar, or DIR/<slot>
        let name = source.name
        let stem = name.prefix { $0 != "." }
        return Slot(String(stem.split(separator: "-").last ?? stem))
    }
}
