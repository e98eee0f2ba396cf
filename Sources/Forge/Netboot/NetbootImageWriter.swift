package import Bases
package import Images
package import Initramfs
package import Netboot
import Plans
package import Reports
import Synchronization
import Trees
import Volumes

/// Writes a controller's raw image together with the trees of the nodes that it serves: one card starts the cluster.
///
/// The trees are GBs and do not fit into an overlay in memory. So the image is first made with its own edits, as a
/// `WorkingCopy`; its root partition and file system are grown, the trees are put in, and it gets its name last.
package struct NetbootImageWriter: ImageWriter {
    package let pathExtension = "img"
    /// The nodes, whose base need not be that of the image.
    package let trees: BuildSpec
    let layout: TreeLayout
    let cache: Cache
    let initramfs: NodeInitramfs?
    /// Called with a sentence about what will be written, before it is.
    let announce: @Sendable (String) -> Void

    /// What hands nodes without cards their boot files, in every image of 8086's.
    private static let bootServer: VolumePath = "/usr/bin/rpiboot"

    /// Blocks of the root file system that stay free for the trees to grow, as a part of what they take: one in 16.
    private static let spareDivisor: UInt64 = 16

    package init(
        trees: BuildSpec, layout: TreeLayout, cache: Cache, initramfs: NodeInitramfs?,
        announce: @escaping @Sendable (String) -> Void
    ) {
        self.trees = trees
        self.layout = layout
        self.cache = cache
        self.initramfs = initramfs
        self.announce = announce
    }

    package func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let content: Content
        do throws(ForgeError) {
            content = try decide(observe: observe)
        } catch {
            for index in requests.indices { finished(index, .failure(error)) }
            return
        }
        let copies = Mutex<[Int: Result<WorkingCopy, ForgeError>]>([:])
        WorkingCopy.make(requests, from: base, observe: observe) { index, copy in
            copies.withLock { $0[index] = copy }
        }
        for (index, copy) in copies.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            let image = Result { () throws(ForgeError) in
                let copy = try copy.get()
                defer { copy.discard() }
                try fill(copy, with: content, observe: observe)
                try content.base.confirmUnchanged()
                return try copy.commit(observe: observe)
            }
            finished(index, image)
        }
    }

    /// What goes into an image besides its own edits, decided and not yet written.
    private struct Content {
        let base: NetbootBase
        let edits: [(slot: Slot, edits: TreeEdits)]
        let modified: Int64
        var slots: [Slot] { edits.map(\.slot) }
    }

    private func decide(observe: @escaping Progress.Observer) throws(ForgeError) -> Content {
        for job in trees.jobs where !job.slot.isNode {
            throw ForgeError(PlanError.netbootController(job.slot))
        }
        let base = try NetbootBase.open(trees.base, cache: cache, observe: observe)
        let files = try base.files(of: initramfs, evenOfArchives: layout != .full)
        var edits: [(slot: Slot, edits: TreeEdits)] = []
        for job in trees.jobs {
            try Interruption.check()
            let outcome = try TreeEditor(base: base, trees.request(for: job), supplement: files).edit()
            edits.append((job.slot, outcome.edits))
        }
        return Content(base: base, edits: edits, modified: trees.epoch ?? base.lastWritten)
    }

    private func fill(
        _ copy: WorkingCopy, with content: Content, observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        var card = try GrowingImage(copy)
        let size = try self.size(of: content, blockSize: card.superblock.blockSize)
        let old = try copy.byteCount
        try card.makeRoom(for: size, spare: size.blockCount / Self.spareDivisor, now: content.modified) { new in
            announce(
                "\(copy.name): the trees of \(content.slots.count) nodes need at most \(ByteCount(size.diskByteCount)); "
                    + (new == old
                        ? "they fit into the image of \(ByteCount(old))"
                        : "the image grows from \(ByteCount(old)) to \(ByteCount(new))"))
        }
        let counter = ByteCounter { done in
            observe(
                Progress(stage: .write, subject: copy.name, done: min(done, size.byteCount), total: size.byteCount))
        }
        let volume = try card.openRoot(now: content.modified)
        do throws(VolumeError) {
            guard try volume.node(at: Self.bootServer) != nil else {
                throw .unsupported(
                    feature: "booting nodes without \(Self.bootServer)",
                    remedy: "give the controller one of 8086's images by a `base` of its own")
            }
            try add(content, to: volume, counter)
            try NetbootExports.ensure(
                for: content.slots, sharing: layout == .full ? [] : [.only], on: volume, modified: content.modified)
            try volume.close()
        } catch {
            try Interruption.check()
            throw ForgeError(error, on: .root)
        }
    }

    private func add(_ content: Content, to volume: Ext4Volume, _ counter: ByteCounter) throws(VolumeError) {
        switch layout {
        case .full:
            for (slot, edits) in content.edits {
                let folder = NodeTreeFolder.of(slot)
                try NetbootExports.makeFolder(folder, on: volume, modified: content.modified)
                let tree = EditedTreeReader(try content.base.tree.treeReader(), edits: edits)
                try volume.addTree(CountedTree(tree, counter), at: folder)
            }
        case .shared:
            // A tree goes into an empty folder, and boot files are hard links from one node's part to the next.
            let folder = NodeTreeFolder.all
            try NetbootExports.makeFolder(folder, on: volume, modified: content.modified)
            var others: [String] = []
            for name in try volume.entries(in: folder) {
                guard let path = folder.appending(name) else { continue }
                try volume.remove(path)
                others.append(name)
            }
            let tree = try sharedTree(of: content, otherFolders: others)
            try volume.addTree(CountedTree(tree.treeReader(), counter), at: folder)
        }
    }

    private func sharedTree(of content: Content, otherFolders: [String] = []) throws(VolumeError) -> SharedTree {
        guard case .shared(let upper) = layout else { throw .unsupported(feature: "this layout", remedy: "") }
        return try wrapping(
            NetbootBuild.sharedTree(
                content.edits, .only, upper, content.base, modified: content.modified, otherFolders: otherFolders),
            as: { (error: ForgeError) in VolumeError.device(error.message) })
    }

    /// The size of all trees: the base's once for each node, and what their edits add.
    private func size(of content: Content, blockSize: Int) throws(ForgeError) -> TreeSize {
        try wrapping(on: .root) { () throws(VolumeError) in
            guard layout == .full else {
                return try TreeSize(of: sharedTree(of: content).treeReader(), blockSize: blockSize)
            }
            let tree = try content.base.tree.treeReader()
            var size = try TreeSize(of: tree, blockSize: blockSize) * content.edits.count
            for (_, edits) in content.edits {
                for case (let path, .some(let edit)) in edits.nodes { try size.add(TreeEntry(path: path, edit)) }
            }
            return size
        }
    }
}

/// How many bytes went through, in all trees.
private final class ByteCounter {
    private let report: (Int64) -> Void
    private var done: Int64 = 0
    init(_ report: @escaping (Int64) -> Void) { self.report = report }
    func add(_ count: Int64) {
        done += count
        report(done)
    }
}

/// A tree that is counted as it goes by, and ends when a signal came.
private final class CountedTree: TreeReader {
    private let base: any TreeReader
    private let counter: ByteCounter
    init(_ base: any TreeReader, _ counter: ByteCounter) {
        self.base = base
        self.counter = counter
    }
    func next() throws(VolumeError) -> TreeEntry? {
        if Interruption.isRequested { throw .cancelled }
        let entry = try base.next()
        if let entry { counter.add(entry.byteCount) }
        return entry
    }
}
