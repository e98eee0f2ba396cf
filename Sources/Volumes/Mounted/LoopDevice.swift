import Blocks
import CLinux
import Glibc

/// A block device of the kernel's over a part of a file.
///
/// It is attached by one call (LOOP_CONFIGURE, Linux 5.8), with offset and size, so that nobody sees it half set up and
/// no partition table is scanned; and with LO_FLAGS_AUTOCLEAR, so that the kernel detaches it when its last user is
/// gone, also after SIGKILL.
package struct LoopDevice: ~Copyable {
    /// As in `/dev/loop<number>`.
    package let number: Int32
    private let device: Descriptor

    package var path: String { "/dev/loop\(number)" }

    /// Attaches `range` of the open file `backing`. `sectorSize`: bytes of a logical sector, 512 or 4096.
    ///
    /// The kernel keeps the file's description open as long as the device is attached.
    package static func attach(_ backing: Int32, range: Range<Int64>, sectorSize: Int) throws(MountError) -> LoopDevice
    {
        let control = try openControl()
        var attempts = 0
        while true {
            let number = ioctl(control.number, UInt(LOOP_CTL_GET_FREE))
            guard number >= 0 else { throw MountError("find a free loop device at", controlPath) }
            guard let device = Descriptor(open("/dev/loop\(number)", O_RDWR | O_CLOEXEC)) else {
                // Removed since, or not made yet: /dev is filled by udev where it is no devtmpfs.
                guard errno == ENXIO || errno == ENODEV || errno == ENOENT, attempts < attemptLimit else {
                    let code = errno
                    if code == ENOENT { throw .unavailable("there is no /dev/loop\(number)") }
                    throw MountError("open", "/dev/loop\(number)")
                }
                attempts += 1
                sched_yield()
                continue
            }
            if configure(device, backing, range: range, sectorSize: sectorSize) {
                return LoopDevice(number: number, device: device)
            }
            // Another process has taken it in between, or looks at it just now.
            guard errno == EBUSY || errno == EAGAIN || errno == EINTR || errno == ENXIO, attempts < attemptLimit else {
                throw MountError("attach", "/dev/loop\(number)")
            }
            attempts += 1
            sched_yield()
        }
    }

    static let controlPath = "/dev/loop-control"
    private static let attemptLimit = 10_000

    /// Opens what hands out loop devices; says whether this machine has them and this process may.
    static func openControl() throws(MountError) -> Descriptor {
        guard let control = Descriptor(open(controlPath, O_RDWR | O_CLOEXEC)) else {
            switch errno {
            case ENOENT, ENXIO, ENODEV: throw .unavailable("there are no loop devices here (no \(controlPath))")
            case EACCES, EPERM: throw .notPermitted("attach loop devices")
            default: throw MountError("open", controlPath)
            }
        }
        return control
    }

    private static func configure(
        _ device: borrowing Descriptor, _ backing: Int32, range: Range<Int64>, sectorSize: Int
    ) -> Bool {
        var configuration = loop_config()
        configuration.fd = UInt32(bitPattern: backing)
        configuration.block_size = UInt32(truncatingIfNeeded: sectorSize)
        configuration.info.lo_offset = UInt64(bitPattern: range.lowerBound)
        configuration.info.lo_sizelimit = UInt64(bitPattern: range.upperBound - range.lowerBound)
        configuration.info.lo_flags = UInt32(LO_FLAGS_AUTOCLEAR)
        return ioctl(device.number, UInt(LOOP_CONFIGURE), &configuration) == 0
    }

    /// Detaches it and returns when it is free; what was mounted from it must be gone.
    package consuming func detach() throws(MountError) {
        let (path, contents) = (path, Contents(of: device))
        guard ioctl(device.number, UInt(LOOP_CLR_FD)) == 0 || errno == ENXIO else { throw MountError("detach", path) }
        device.close()
        // When someone else looks at it just now (udev's blkid), it is free as soon as he has closed it.
        var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        for _ in 0..<2000 {
            guard let again = Descriptor(open(path, O_RDONLY | O_CLOEXEC)), let found = Contents(of: again),
                found == contents
            else { return }
            again.close()
            nanosleep(&pause, nil)
        }
        throw .system(errno: EBUSY, operation: "detach", path: path)
    }

    /// What an attached device shows: distinguishes it from the next user's, who may have taken it at once.
    private struct Contents: Equatable {
        var file: UInt64
        var fileSystem: UInt64
        var offset: UInt64

        /// Nil when nothing is attached.
        init?(of device: borrowing Descriptor) {
            var status = loop_info64()
            guard ioctl(device.number, UInt(LOOP_GET_STATUS64), &status) == 0 else { return nil }
            (file, fileSystem, offset) = (status.lo_inode, status.lo_device, status.lo_offset)
        }
    }
}

extension LoopDevice {
    /// Detaches every device over the open file, which no living user of it can have: the caller holds its lock.
    /// Returns their paths.
    package static func detachAll(of file: Int32) throws(MountError) -> [String] {
        var wanted = stat()
        guard fstat(file, &wanted) == 0 else { throw MountError("stat", "the image") }
        var found: [String] = []
        for number in numbers where backingFile(of: number, is: wanted) {
            let path = "/dev/loop\(number)"
            guard let device = Descriptor(open(path, O_RDWR | O_CLOEXEC)) else { throw MountError("open", path) }
            try LoopDevice(number: number, device: device).detach()
            found.append(path)
        }
        return found
    }

    /// The numbers of all loop devices that there are, attached or not; empty without sysfs.
    private static var numbers: [Int32] {
        (FolderListing.names(in: "/sys/block") ?? []).compactMap { name in
            name.hasPrefix("loop") ? Int32(name.dropFirst(4)) : nil
        }.sorted()
    }

    private static func backingFile(of number: Int32, is wanted: stat) -> Bool {
        let name = "/sys/block/loop\(number)/loop/backing_file"
        guard let file = Descriptor(open(name, O_RDONLY | O_CLOEXEC)) else { return false }
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = read(file.number, &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
        var found = stat()
        return stat(path, &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev
    }
}
