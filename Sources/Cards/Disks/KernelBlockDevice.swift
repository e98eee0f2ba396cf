/// An entry of /sys/class/block: a disk, a partition, or something made of them.
struct KernelBlockDevice: Equatable, Sendable {
    var name: String
    var number: DeviceNumber
    /// Where it lies below /sys/devices; names every bus on the way.
    var sysfsPath: String
    /// The disk that this is a partition of.
    var parent: String?
    var isHidden: Bool

    static func all(in tree: SystemTree) -> [KernelBlockDevice] {
        tree.names("/sys/class/block").compactMap { name in
            guard let sysfsPath = tree.destination("/sys/class/block/" + name),
                let number = tree.text(sysfsPath + "/dev").flatMap({ DeviceNumber($0) })
            else { return nil }
            let isPartition = tree.exists(sysfsPath + "/partition")
            return KernelBlockDevice(
                name: name, number: number, sysfsPath: sysfsPath,
                parent: isPartition ? Self.lastTwo(of: sysfsPath) : nil,
                isHidden: tree.number(sysfsPath + "/hidden") == 1)
        }
    }

    /// The folder above, which for a partition is its disk.
    private static func lastTwo(of sysfsPath: String) -> String? {
        let parts = sysfsPath.split(separator: "/")
        return parts.count < 2 ? nil : String(parts[parts.count - 2])
    }

    func disk(in tree: SystemTree, partitions: [KernelBlockDevice], uses: [DiskUse]) -> Disk {
        let foundations = foundations(in: tree)
        let bus = bus(in: tree)
        return Disk(
            name: name, number: number, byteCount: byteCount(in: tree),
            sectorSize: Int(tree.number(sysfsPath + "/queue/logical_block_size") ?? 512), bus: bus,
            vendor: tree.text(sysfsPath + "/device/vendor").flatMap { $0.hasPrefix("0x") ? nil : $0 },
            model: tree.text(sysfsPath + "/device/model") ?? tree.text(sysfsPath + "/device/name"),
            serial: serial(in: tree, bus: bus), isReadOnly: tree.number(sysfsPath + "/ro") == 1,
            isRemovable: tree.number(sysfsPath + "/removable") == 1,
            sequence: tree.text(sysfsPath + "/diskseq").flatMap { UInt64($0) },
            partitions: partitions.sorted { $0.number.minor < $1.number.minor }.map {
                Disk.Part(name: $0.name, byteCount: $0.byteCount(in: tree))
            },
            uses: uses, foundations: foundations)
    }

    /// sysfs counts sectors of 512 bytes whatever the disk's are (Documentation/ABI/stable/sysfs-block).
    private func byteCount(in tree: SystemTree) -> Int64 {
        let sectors = tree.number(sysfsPath + "/size") ?? 0
        return sectors < 0 || sectors > Int64.max / 512 ? 0 : sectors * 512
    }

    /// The file or device behind a loop device.
    func backingPath(in tree: SystemTree) -> String? { tree.text(sysfsPath + "/loop/backing_file") }

    private func foundations(in tree: SystemTree) -> [String] {
        var names = tree.names(sysfsPath + "/slaves")
        if let path = backingPath(in: tree), let name = Self.deviceName(path, in: tree) { names.append(name) }
        return names
    }

    /// The kernel's name of a device by its path below /dev, links followed.
    static func deviceName(_ path: String, in tree: SystemTree) -> String? {
        guard path.hasPrefix("/dev/") else { return nil }
        let real = tree.destination(path) ?? path
        let name = String(real.dropFirst("/dev/".count).map { $0 == "/" ? "!" : $0 })
        return tree.exists("/sys/class/block/" + name) ? name : nil
    }

    private func bus(in tree: SystemTree) -> Disk.Bus {
        let parts = sysfsPath.split(separator: "/")
        if name.hasPrefix("loop") { return .loop }
        if sysfsPath.hasPrefix("/sys/devices/virtual/") { return .virtual }
        if parts.contains("mmc_host") {
            // drivers/mmc/core/bus.c: MMC, SD, SDIO or SDcombo.
            return tree.text(sysfsPath + "/device/type")?.hasPrefix("SD") == true ? .sd : .emmc
        }
        let hasPart: (String) -> Bool = { prefix in
            parts.contains { $0.hasPrefix(prefix) && $0.dropFirst(prefix.count).allSatisfy(\.isNumber) }
        }
        if hasPart("usb") { return .usb }
        if parts.contains("nvme") || parts.contains("nvme-subsystem") { return .nvme }
        if hasPart("ata") { return .sata }
        if hasPart("virtio") { return .virtio }
        return .other
    }

    /// Where each kind of driver has it, and what udev found out where none does.
    private func serial(in tree: SystemTree, bus: Disk.Bus) -> String? {
        if bus == .loop { return backingPath(in: tree) }
        let own = tree.text(sysfsPath + "/device/serial") ?? tree.text(sysfsPath + "/serial")
        return own ?? (bus == .usb ? usbSerial(in: tree) : pageSerial(in: tree)) ?? udevSerial(in: tree)
    }

    /// The serial number of the USB device on the way: the folder with an `idVendor` that is nearest to the disk.
    private func usbSerial(in tree: SystemTree) -> String? {
        var parts = sysfsPath.split(separator: "/")
        while parts.count > 2 {
            parts.removeLast()
            let folder = "/" + parts.joined(separator: "/")
            if tree.exists(folder + "/idVendor") { return tree.text(folder + "/serial") }
        }
        return nil
    }

    /// The unit serial number page of SCSI (SPC-4, 7.8.15): four bytes of header, then text.
    private func pageSerial(in tree: SystemTree) -> String? {
        guard let page = tree.bytes(sysfsPath + "/device/vpd_pg80"), page.count > 4 else { return nil }
        let text = String(decoding: page[4...].filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    private func udevSerial(in tree: SystemTree) -> String? {
        let lines = tree.text("/run/udev/data/b\(number)")?.split(separator: "\n") ?? []
        let prefix = "E:ID_SERIAL_SHORT="
        return lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
