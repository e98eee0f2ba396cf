package import Bases
import Cards
import Glibc
package import Images
package import Initramfs
package import Netboot
package import Plans
package import Reports
import Trees

/// Writes the netboot trees of a spec's slots, each with its manifest.
package struct NetbootBuild: Sendable {
    package var spec: BuildSpec
    /// Where the outputs go; made when it does not exist.
    package var folder: String
    package var format: TreeFormat
    /// Whether existing outputs may be replaced.
    package var replacing: Bool
    package var cache: Cache
    /// Makes what an image lacks; nil leaves the trees without an initramfs.
    package var initramfs: NodeInitramfs?
    package var observe: Progress.Observer
    package var layout = TreeLayout.full
    /// Whether all trees go into one tar; a shared root and its nodes' parts always go together.
    package var isTogether = false
    /// What a shared root is called.
    var sharedRoot = SharedRoot.only
    /// What the output of all nodes together is called; nil for `<cluster>-nodes` or `<cluster>-shared`.
    var nameTogether: String?
    /// What each node keeps from its old tree.
    var kept: [Slot: KeptFiles] = [:]

    /// Trees written in one pass over the base: each costs some chunks of memory.
    private static let passWidth = 4

    package init(
        _ spec: BuildSpec, into folder: String, format: TreeFormat, replacing: Bool, cache: Cache,
        initramfs: NodeInitramfs?, observe: @escaping Progress.Observer
    ) {
        self.spec = spec
        self.folder = folder
        self.format = format
        self.replacing = replacing
        self.cache = cache
        self.initramfs = initramfs
        self.observe = observe
    }

    /// One finished tree.
    package struct Result: Sendable {
        package var slot: Slot
        package var path: String
        package var manifestPath: String
        package var manifest: Manifest
        package var entryCount: Int
    }

    /// Writes all trees and reports each when it is finished. One that fails keeps no other from being finished; then
    /// the error of the first one is thrown.
    package func run(
        for destination: any NetbootDestination = NetbootFolder(), report: (Result) -> Void
    ) throws(ForgeError) {
        if isOneOutput { return try runTogether(for: destination, report: report) }
        try prepare()
        let base = try NetbootBase.open(spec.base, cache: cache, observe: observe)
        let made = try base.files(of: initramfs)
        try destination.willWrite(try Self.size(of: base, with: made, for: spec.jobs))
        var failure: ForgeError?
        var start = 0
        while start < spec.jobs.count {
            let jobs = Array(spec.jobs[start..<min(start + Self.passWidth, spec.jobs.count)])
            let compressor = ChunkCompressor(format.packer)
            var orders: [Order] = []
            for job in jobs {
                do throws(ForgeError) {
                    orders.append(
                        try order(for: job, to: destination, base: base, supplement: made, compressor: compressor))
                } catch {
                    failure = failure ?? error.about(slot: job.slot)
                }
            }
            try pass(orders, over: base)
            for order in orders {
                do throws(ForgeError) {
                    try destination.willFinish(order.slot)
                    report(try finish(order))
                } catch {
                    failure = failure ?? error.about(slot: order.slot)
                }
            }
            start += jobs.count
        }
        if let failure { throw failure }
    }

    /// One tree on its way.
    struct Order {
        var slot: Slot
        var output: any TreeOutput
        var edits: TreeEdits
        var latestTime: Int64
        var manifest: Manifest
    }

    private func order(
        for job: BuildSpec.Job, to destination: any NetbootDestination, base: NetbootBase,
        supplement: [(target: Target, node: FileNode)], compressor: ChunkCompressor
    ) throws(ForgeError) -> Order {
        let outcome = try outcome(of: job, base: base, supplement: supplement)
        // A manifest of an older tree must never lie beside a newer one.
        if replacing { unlink(manifestPath(for: job.slot)) }
        let output: any TreeOutput
        if let other = try destination.output(for: job.slot, compressor) {
            output = other
        } else {
            output = try self.output(
                at: path(for: job.slot), hasSecrets: outcome.plan.hasSecrets, compressor: compressor)
        }
        return Order(
            slot: job.slot, output: output, edits: outcome.edits, latestTime: outcome.plan.modified,
            manifest: manifest(of: outcome, job, base: base))
    }

    /// What a slot's tree is, with what the node finds again of its old one.
    func outcome(
        of job: BuildSpec.Job, base: NetbootBase, supplement: [(target: Target, node: FileNode)]
    ) throws(ForgeError) -> TreeEditor.Outcome {
        try Interruption.check()
        var request = spec.request(for: job)
        // Without an initramfs of ours the manifest says so already.
        if initramfs == nil { request.allowed.insert(.noBootableBoard) }
        var outcome = try TreeEditor(base: base, request, supplement: supplement).edit()
        if layout == .shared(.memory), request.doesSomethingOnce {
            outcome.plan.warnings.append(
                "a node that writes to memory does what `debs`, `packages` and `first_boot` say at each of its starts: "
                    + "--upper 2G keeps it")
        }
        if let kept = kept[job.slot] { outcome.edits = try kept.edits(over: outcome.edits, of: base) }
        return outcome
    }

    func output(at path: String, hasSecrets: Bool, compressor: ChunkCompressor) throws(ForgeError) -> any TreeOutput {
        switch format {
        case .folder: return try FolderOutput(path: path, replacing: replacing, observe: observe)
        case .tar, .tarXZ, .tarZstd:
            return TarOutput(
                try TarWriter(
                    path: path, mode: hasSecrets ? 0o600 : 0o666, replacing: replacing, compressor: compressor),
                chunking: format.packer == nil ? .raw : .packed)
        }
    }

    /// `tree`: the base's, or one made from it.
    func pass(
        _ orders: [Order], over base: NetbootBase, tree: (any TreeSource)? = nil
    ) throws(ForgeError) {
        guard let first = orders.first else { return }
        let name = spec.base.name
        // A tree of trees has the base several times.
        let total = base.byteCount.times(tree is NodeTrees ? spec.jobs.count : 1)
        let pass = TreePass(source: tree ?? base.tree, latestTime: kept.isEmpty ? first.latestTime : .max) { done in
            observe(Progress(stage: .write, subject: name, done: min(done, total), total: total))
        }
        try wrapping(on: .root, pass.run(orders.map { ($0.output, $0.edits) }))
        try Interruption.check()
        try base.confirmUnchanged()
    }

    func manifest(of outcome: TreeEditor.Outcome, _ job: BuildSpec.Job, base: NetbootBase) -> Manifest {
        var manifest = spec.manifest(
            of: job, outcome.plan, outcome.changes,
            base: spec.manifestBase(name: base.name, format: base.format, sha256: base.sourceDigest),
            output: path(for: job.slot).fileName)
        manifest.medium = Planner.Medium.netboot.rawValue
        if !base.isArchive, initramfs == nil { manifest.warnings.append(Self.noInitramfs) }
        return manifest
    }

    static let noInitramfs = "the tree has no initramfs of ours: with the image's own, a node does not find its root"

    func finish(_ order: Order) throws(ForgeError) -> Result {
        try record(order.output.finish(), order.manifest, slot: order.slot)
    }

    func record(_ tree: WrittenTree, _ manifest: Manifest, slot: Slot) throws(ForgeError) -> Result {
        var manifest = manifest
        manifest.output.bytes = tree.byteCount
        manifest.output.sha256 = tree.digest.description
        let manifestPath = manifestPath(for: slot)
        try manifest.write(to: manifestPath, replacing: replacing)
        return Result(
            slot: slot, path: path(for: slot), manifestPath: manifestPath, manifest: manifest,
            entryCount: tree.entryCount)
    }

    // MARK: Names

    private var isOneOutput: Bool { isTogether || layout != .full }

    func path(for slot: Slot) -> String {
        if isOneOutput {
            let name = layout == .full ? "nodes" : "shared"
            let stem = nameTogether ?? spec.cluster.map { "\($0)-\(name)" } ?? name
            return inFolder(format == .folder ? stem : "\(stem).\(format.rawValue)")
        }
        return pathOfWholeTree(for: slot)
    }

    func pathOfWholeTree(for slot: Slot) -> String {
        inFolder(format == .folder ? slot.name : "\(spec.stem(for: slot)).\(format.rawValue)")
    }

    func manifestPath(for slot: Slot) -> String {
        inFolder(format == .folder ? "\(slot.name).manifest.json" : "\(spec.stem(for: slot)).tar.manifest.json")
    }

    func inFolder(_ name: String) -> String { OutputFolder.path(of: name, in: folder) }

    func prepare() throws(ForgeError) {
        for job in spec.jobs where !job.slot.isNode {
            throw ForgeError(PlanError.netbootController(job.slot))
        }
        try spec.checkRunsNothing(hint: "let the nodes run it once: first_boot; netboot trees are made without")
        if format == .folder { try FolderOutput.checkPrivilege() }
        try OutputFolder.prepare(folder)
        for job in spec.jobs {
            let path = path(for: job.slot)
            try BackingStore.check(output: path, isNoneOf: [spec.base.ownPath].compactMap { $0 })
            switch format {
            case .folder: try FolderOutput.checkReplaceable(path, replacing: replacing)
            case .tar, .tarXZ, .tarZstd: try OutputFile.checkReplaceable(path, replacing: replacing)
            }
            try OutputFile.checkReplaceable(manifestPath(for: job.slot), replacing: replacing)
        }
    }
}
