import Bases
import Glibc
import Images
import Netboot
import Plans
import Reports
import Trees
import Volumes

extension BuildSpec {
    /// What a netboot tree at `path`, a folder or an archive with one or several, lacks to be what the job asks for; nil
    /// when something else lies there.
    static func verifyTree(
        _ source: ImageSource, is job: Job, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [ChangeReport]? {
        let path = source.path
        guard let volume = try tree(at: source, cache: cache, observe: observe) else { return nil }
        if let found = try verifyTree(in: volume, is: job, calledBy: path) { return found }
        let mount = try NetbootBase.bootMount(of: volume, called: path)
        return try changes(
            job, boot: ReadableSubtree(of: volume, at: mount), root: volume, calledBy: path)
    }

    /// The same of the job's tree among those in `volume`, such as a controller's root; nil when it is not there.
    static func verifyTree(
        in volume: any ReadableVolume, is job: Job, calledBy path: String? = nil
    ) throws(ForgeError) -> [ChangeReport]? {
        let trees = try wrapping(on: .root, NetbootTree.all(in: volume))
        guard let tree = trees.first(where: { $0.slot == job.slot }) ?? (trees.first?.slot == nil ? trees.first : nil)
        else { return nil }
        return try changes(job, boot: tree.boot, root: tree.root, calledBy: path)
    }

    private static func changes(
        _ job: Job, boot: any ReadableVolume, root: any ReadableVolume, calledBy path: String?
    ) throws(ForgeError) -> [ChangeReport] {
        try SlotRequest(slot: job.slot, settings: job.settings, packages: job.packages).decide(
            boot: boot, root: root, diskID: nil, modified: 0, medium: .netboot
        ).changes.map(ChangeReport.init)
            + HostKeyCheck.differences(in: root, of: job.settings, path: path)
    }

    static func tree(
        at source: ImageSource, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> (any ReadableVolume)? {
        var status = stat()
        guard let path = source.ownPath, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return try ArchiveVolume.open(source, cache: cache, observe: observe)?.volume
        }
        return FolderVolume(path)
    }
}
