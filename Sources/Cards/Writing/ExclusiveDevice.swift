package import Blocks
import CLinux
import Glibc
package import Reports

/// A whole disk opened for this process alone (`O_EXCL`) and past the page cache (`O_DIRECT`), from the first check to
/// the last byte: as long as it is held, the kernel mounts nothing from it.
package struct ExclusiveDevice: CardMedium {
    package let path: String
    package let disk: Disk
    private let file: OpenFile
    private let root: String

    package var byteCount: Int64 { disk.byteCount }
    package var sectorSize: Int { disk.sectorSize }

    /// Checks a disk, opens it, and checks it again, now that nobody else can begin to use it.
    package init(path: String, guard deviceGuard: DeviceGuard, canAsk: Bool, root: String = "") throws(ForgeError) {
        let number = try Self.number(of: path)
        let seen = try deviceGuard.choose(number, named: path, in: .read(root: root), canAsk: canAsk)
        file = try wrapping(
            OpenFile(path: path, flags: O_RDWR | O_EXCL | Self.direct),
            as: { (error: BlockError) in Self.opening(path, error, holders: { DiskHolder.all(of: seen) }) })
        self.path = path
        self.root = root
        var status = stat()
        guard fstat(file.descriptor, &status) == 0, DeviceNumber(status.st_rdev) == number else {
            throw .replaced(path)
        }
        disk = try deviceGuard.choose(number, named: path, in: .read(root: root), canAsk: canAsk)
        guard disk.identity == seen.identity else { throw .replaced(path) }
        try checkIdentity()
        // O_EXCL keeps out others that ask for it; who has opened the disk without it reads or writes all the same.
        try DiskHolder.checkNone(of: disk, at: path)
    }

    /// O_DIRECT of asm-generic/fcntl.h and of Arm's own, which glibc's headers hide behind _GNU_SOURCE.
    private static var direct: CInt {
        #if arch(arm) || arch(arm64)
            0o200000
        #else
            0o40000
        #endif
    }

    /// The number of the device at `path`, links followed.
    package static func number(of path: String) throws(ForgeError) -> DeviceNumber {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw ForgeError(
                errno == EACCES ? .permission : .usage, "could not write \(path): \(systemMessage(errno))",
                hint: "piforge devices lists the cards of this machine")
        }
        guard status.st_mode & S_IFMT == S_IFBLK else {
            throw ForgeError(
                .usage, "could not write \(path): it is no disk",
                hint: "piforge devices lists the cards of this machine; build --output writes files")
        }
        return DeviceNumber(status.st_rdev)
    }

    private static func opening(_ path: String, _ error: BlockError, holders: () -> [DiskHolder]) -> ForgeError {
        guard case .system(let code, _, _) = error else { return ForgeError(error) }
        let message = "could not open \(path): \(systemMessage(code))"
        switch code {
        case EACCES, EPERM:
            var status = stat()
            let group = stat(path, &status) == 0 && status.st_mode & 0o020 != 0 ? groupName(status.st_gid) : nil
            let way = group.map {
                $0 == "root" ? "" : ", or join its group: sudo usermod -aG \($0) $USER, and log in anew"
            }
            return ForgeError(
                .permission, message,
                hint: "sudo setfacl -m u:$USER:rw \(ForgeError.quoted(path)) lets you write it\(way ?? "")")
        case EBUSY:
            return .held(path, by: holders())
        case EROFS: return ForgeError(.permission, message, hint: "move the lock slider of the card or its adapter")
        case ENOMEDIUM: return ForgeError(.cannotCreate, "could not write \(path): there is no card in it")
        default: return ForgeError(.inputOutput, message)
        }
    }

    private static func groupName(_ number: gid_t) -> String? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        guard getgrgid_r(number, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return String(cString: entry.gr_name)
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BlockError) -> Int {
        while true {
            let count = pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw .system(errno: errno, operation: "read", path: path) }
        }
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BlockError) -> Int {
        while true {
            let count = pwrite(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw .system(errno: errno, operation: "write", path: path) }
        }
    }

    package func flush() throws(BlockError) {
        try file.synchronize()
        // Only root may drop the kernel's copies; O_DIRECT reads do not look at them anyway.
        guard ioctl(file.descriptor, CLINUX_BLKFLSBUF, 0) == 0 || errno == EACCES || errno == EPERM else {
            throw .system(errno: errno, operation: "flush", path: path)
        }
    }

    package func checkIdentity() throws(ForgeError) {
        var size: UInt64 = 0
        guard ioctl(file.descriptor, CLINUX_BLKGETSIZE64, &size) == 0, Int64(exactly: size) == disk.byteCount else {
            throw .replaced(path)
        }
        var sequence: UInt64 = 0
        if let expected = disk.sequence, ioctl(file.descriptor, CLINUX_BLKGETDISKSEQ, &sequence) == 0 {
            guard sequence == expected else { throw .replaced(path) }
        }
        var isReadOnly: Int32 = 0
        guard ioctl(file.descriptor, CLINUX_BLKROGET, &isReadOnly) == 0 else { throw .replaced(path) }
        guard isReadOnly == 0 else { throw ForgeError(.readOnly, path: path, disk: disk) }
        guard let now = DiskInventory.read(root: root).disk(numbered: disk.number), now.identity == disk.identity else {
            throw .replaced(path)
        }
        // O_EXCL keeps others from mounting it; whoever uses it now has not asked for that.
        if !now.uses.isEmpty { throw ForgeError(.inUse(now.uses), path: path, disk: now) }
    }

    /// Has the reader put the card out, or at least let go of it; false where it cannot (drivers/scsi/scsi_ioctl.c takes
    /// this request for disks, too).
    package func eject() -> Bool { ioctl(file.descriptor, CLINUX_CDROMEJECT, 0) == 0 }

    package func rereadPartitions() -> Bool {
        // A loop device without partition scanning answers EINVAL: there is nothing to be read anew.
        ioctl(file.descriptor, CLINUX_BLKRRPART, 0) == 0 || errno == EINVAL
    }
}

extension DeviceNumber {
    init(_ device: dev_t) {
        self.init(major: clinux_major(UInt64(device)), minor: clinux_minor(UInt64(device)))
    }
}

extension ForgeError {
    static func replaced(_ path: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not write \(path): it is not the disk any more that was there a moment ago",
            hint: "see what is there now: piforge devices")
    }
}
