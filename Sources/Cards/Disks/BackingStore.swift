import CLinux
import Glibc
package import Reports

/// What the bytes of a file or device lie in: itself, and everything below it.
///
/// ```
///   /dev/sdb1 -> sdb1, sdb        /dev/loop3 -> loop3, card.img        /dev/mapper/vg-a -> dm-0, sdb2, sdb
/// ```
///
/// Two names that share a part are the same bytes, at least in part, whatever they are called.
package struct BackingStore: Equatable, Sendable {
    package enum Part: Hashable, Sendable {
        case file(device: UInt64, inode: UInt64)
        case disk(DeviceNumber)
    }

    package private(set) var parts: Set<Part> = []
    private let tree: SystemTree
    private lazy var nodes = KernelBlockDevice.all(in: tree)

    /// What a source's bytes lie in, the disk of its file system included; `-` is standard input.
    package init(reading path: String) throws(ForgeError) {
        self.init(root: "")
        add(try Self.status(ofSource: path), withFileSystem: true)
    }

    private static func status(ofSource path: String) throws(ForgeError) -> stat {
        var status = stat()
        guard path == "-" ? fstat(STDIN_FILENO, &status) == 0 : stat(path, &status) == 0 else {
            throw ForgeError.reading(path, errno: errno)
        }
        return status
    }

    /// What is overwritten when a file is replaced, or a device written to; nothing for a path at which nothing lies.
    package init(writing path: String) {
        self.init(root: "")
        var status = stat()
        if stat(path, &status) == 0 { add(status, withFileSystem: false) }
    }

    /// A disk or partition of the machine that `root` stands for.
    init(of number: DeviceNumber, root: String) {
        self.init(root: root)
        add(number)
    }

    private init(root: String) { tree = SystemTree(root: root) }

    package func overlaps(_ other: BackingStore) -> Bool { !parts.isDisjoint(with: other.parts) }

    package static func == (a: BackingStore, b: BackingStore) -> Bool { a.parts == b.parts }

    private mutating func add(_ status: stat, withFileSystem: Bool) {
        if status.st_mode & S_IFMT == S_IFBLK { return add(DeviceNumber(status.st_rdev)) }
        parts.insert(.file(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
        // Major 0 is a file system without a disk, or with several.
        let disk = DeviceNumber(status.st_dev)
        if withFileSystem, disk.major != 0 { add(disk) }
    }

    private mutating func add(_ number: DeviceNumber) {
        guard parts.insert(.disk(number)).inserted, let node = nodes.first(where: { $0.number == number }) else {
            return
        }
        if let parent = node.parent { addDevice(named: parent) }
        for slave in tree.names(node.sysfsPath + "/slaves") { addDevice(named: slave) }
        if tree.exists(node.sysfsPath + "/loop") { addFile(behind: node) }
    }

    private mutating func addDevice(named name: String) {
        if let number = nodes.first(where: { $0.name == name })?.number { add(number) }
    }

    /// The file is known by its number: its name may have changed since, or stand for another file here.
    private mutating func addFile(behind node: KernelBlockDevice) {
        if tree.root.isEmpty, let file = Self.attachedFile(of: node.name) {
            parts.insert(.file(device: file.device, inode: file.inode))
            if file.isDisk { add(DeviceNumber(dev_t(file.disk))) }
        }
        guard let path = node.backingPath(in: tree) else { return }
        if let disk = KernelBlockDevice.deviceName(path, in: tree) { return addDevice(named: disk) }
        var status = stat()
        if stat(tree.root + path, &status) == 0 { add(status, withFileSystem: false) }
    }

    /// What LOOP_GET_STATUS64 says (linux/loop.h); nil without the right to open the device.
    private static func attachedFile(
        of name: String
    ) -> (device: UInt64, inode: UInt64, isDisk: Bool, disk: UInt64)? {
        let descriptor = open(Disk.path(of: name), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var found = loop_info64()
        guard ioctl(descriptor, UInt(LOOP_GET_STATUS64), &found) == 0 else { return nil }
        // Over a disk, lo_device is the file system that its node lies on, and lo_rdevice the disk.
        let isDisk = found.lo_rdevice != found.lo_device && found.lo_rdevice != 0
        return (found.lo_device, found.lo_inode, isDisk, found.lo_rdevice)
    }
}

extension BackingStore {
    /// Refuses to write a card over any of `sources`, whatever they are called.
    package static func check(card path: String, isNoneOf sources: [String]) throws(ForgeError) {
        let card = BackingStore(writing: path)
        for source in sources where try BackingStore(reading: source).overlaps(card) {
            throw ForgeError(
                .cannotCreate,
                source == path
                    ? "could not write \(path): it is the image that would be read"
                    : "could not write \(path): \(source), which would be read, lies in it",
                hint: "use another card; piforge devices lists those of this machine")
        }
    }

    /// Refuses an output, a file or folder, that is one of `sources` or holds one, whatever they are called.
    package static func check(output path: String, isNoneOf sources: [String]) throws(ForgeError) {
        for source in sources {
            let found = try status(ofSource: source)
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            let isSame = found.st_dev == status.st_dev && found.st_ino == status.st_ino
            let isInside = status.st_mode & S_IFMT == S_IFDIR && source != "-" && lies(source, in: status)
            let isShared = try BackingStore(reading: source).overlaps(BackingStore(writing: path))
            guard isSame || isInside || isShared else { continue }
            throw ForgeError(
                .cannotCreate,
                "could not create \(path): "
                    + (isSame ? "it is the base image" : "the base image \(source) lies in it"),
                hint: "choose another folder with --output")
        }
    }

    /// Whether a folder is one of those above a file, links followed.
    private static func lies(_ path: String, in folder: stat) -> Bool {
        guard let real = realpath(path, nil) else { return false }
        defer { free(real) }
        var above = String(cString: real)
        while let end = above.lastIndex(of: "/") {
            above = String(above[..<end])
            var status = stat()
            guard stat(above.isEmpty ? "/" : above, &status) == 0 else { return false }
            if status.st_dev == folder.st_dev, status.st_ino == folder.st_ino { return true }
        }
        return false
    }
}
