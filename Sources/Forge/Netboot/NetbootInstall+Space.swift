import Glibc
import Netboot
import Reports
import Trees

/// What a controller's file system has left.
struct FreeSpace: Equatable, Sendable {
    /// Bytes.
    var byteCount: Int64
    var inodes: Int64
    /// 0 where the file system makes inodes as it needs them.
    var totalInodes: Int64

    init(byteCount: Int64, inodes: Int64, totalInodes: Int64) {
        self.byteCount = byteCount
        self.inodes = inodes
        self.totalInodes = totalInodes
    }

    init(in folder: String) throws(ForgeError) {
        var space = statvfs()
        guard statvfs(folder, &space) == 0 else { throw ForgeError.reading(folder, errno: errno) }
        byteCount = Int64(
            clamping: UInt64(space.f_bavail).multipliedReportingOverflow(by: UInt64(space.f_frsize)).partialValue)
        inodes = Int64(clamping: UInt64(space.f_favail))
        totalInodes = Int64(clamping: UInt64(space.f_files))
    }
}

extension NetbootInstall {
    /// Old and new tree lie beside each other for a while, so that all of the new one must fit.
    static func checkSpace(
        _ free: FreeSpace, for size: TreeSize, _ keptByteCount: Int64, count: Int, announce: (String) -> Void
    ) throws(ForgeError) {
        let needed = size.diskByteCount.adding(keptByteCount)
        announce(
            "\(count) netboot \(count == 1 ? "tree needs" : "trees need") at most \(ByteCount(needed)) of the "
                + "\(ByteCount(free.byteCount)) that are free")
        let lacksInodes = free.totalInodes > 0 && free.inodes < Int64(clamping: size.inodes)
        guard needed <= free.byteCount, !lacksInodes else {
            throw ForgeError(
                .cannotCreate,
                lacksInodes
                    ? "could not install netboot trees: \(size.inodes) files are needed, \(free.inodes) are free"
                    : "could not install netboot trees: \(ByteCount(needed)) are needed, \(ByteCount(free.byteCount)) are free",
                hint: "install fewer at a time with --slot, or use a larger card")
        }
    }
}
