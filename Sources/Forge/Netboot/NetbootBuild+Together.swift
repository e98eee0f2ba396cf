import Glibc
import Netboot
import Plans
import Reports
import Trees

extension NetbootBuild {
    /// Writes one folder or tar that holds a shared root and all nodes' parts, or all nodes' trees.
    func runTogether(
        for destination: any NetbootDestination, report: (Result) -> Void
    ) throws(ForgeError) {
        try prepare()
        let base = try NetbootBase.open(spec.base, cache: cache, observe: observe)
        // An archive's own initramfs knows of no shared root.
        let made = try base.files(of: initramfs, evenOfArchives: layout != .full)
        var outcomes: [(job: BuildSpec.Job, outcome: TreeEditor.Outcome)] = []
        for job in spec.jobs {
            try wrapping(as: { (error: ForgeError) in error.about(slot: job.slot) }) { () throws(ForgeError) in
                outcomes.append((job, try outcome(of: job, base: base, supplement: made)))
            }
        }
        guard let first = outcomes.first else { return }
        let edits = outcomes.map { (slot: $0.job.slot, edits: $0.outcome.edits) }
        let modified = first.outcome.plan.modified
        let tree: any TreeSource =
            switch layout {
            case .full: NodeTrees(edits, of: base.tree, modified: modified)
            case .shared(let upper): try Self.sharedTree(edits, sharedRoot, upper, base, modified: modified)
            }
        let path = path(for: first.job.slot)
        try destination.willWrite(try Self.size(of: tree))
        // A manifest of an older tree must never lie beside a newer one.
        if replacing {
            for (job, _) in outcomes { unlink(manifestPath(for: job.slot)) }
        }
        let hasSecrets = outcomes.contains { $0.outcome.plan.hasSecrets }
        let order = Order(
            slot: first.job.slot,
            output: try output(at: path, hasSecrets: hasSecrets, compressor: ChunkCompressor(format.packer)),
            edits: TreeEdits(), latestTime: modified,
            manifest: manifest(of: first.outcome, first.job, base: base))
        try pass([order], over: base, tree: tree)
        for (job, _) in outcomes { try destination.willFinish(job.slot) }
        let written = try order.output.finish()
        try destination.didFinishTogether(path)
        for (job, outcome) in outcomes {
            report(try record(written, manifest(of: outcome, job, base: base), slot: job.slot))
        }
    }

    /// `otherFolders`: empty ones beside the nodes' parts.
    static func sharedTree(
        _ edits: [(slot: Slot, edits: TreeEdits)], _ root: SharedRoot, _ upper: SharedLayout.Upper, _ base: NetbootBase,
        modified: Int64, otherFolders: [String] = []
    ) throws(ForgeError) -> SharedTree {
        let layout = try SharedLayout(edits, bootFolder: base.bootMount, root: root, upper: upper)
        let boot = (base.boot as? any TreeSource) ?? VolumeTree(base.boot)
        return try wrapping(
            on: .root,
            SharedTree(
                layout, root: base.tree, boot: boot, bootFolder: base.bootMount,
                modified: modified, otherFolders: otherFolders,
                status: { (path) throws(VolumeError) in try base.root.status(at: path) }))
    }

    /// A volume that has no pass of its own.
    private final class VolumeTree: TreeSource {
        private let volume: any ReadableVolume

        init(_ volume: any ReadableVolume) { self.volume = volume }

        func treeReader() -> any TreeReader { VolumeTreeReader(volume) }
    }
}
