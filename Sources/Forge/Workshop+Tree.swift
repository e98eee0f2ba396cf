import Blocks
import Glibc
import Plans
import Trees
import Volumes

extension Workshop {
    /// What a netboot tree at `path`, a folder or an archive, lacks to be what the job asks for; nil when something else
    /// lies there.
    static func verifyTree(
        _ path: String, is job: Job, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [ChangeReport]? {
        guard let tree = try tree(at: path, cache: cache, observe: observe) else { return nil }
        let mount = try NetbootBase.bootMount(of: tree, called: path)
        return try SlotJob.decide(
            slot: job.slot, settings: job.settings, boot: SubtreeVolume(of: tree, at: mount), root: tree, diskID: nil,
            modified: 0, medium: .netboot
        ).changes.map(ChangeReport.init)
    }

    private static func tree(
        at path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> (any Volume)? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return try ArchiveVolume.open(.init(path: path, sha256: nil), cache: cache, observe: observe)?.volume
        }
        return FolderVolume(path)
    }
}
