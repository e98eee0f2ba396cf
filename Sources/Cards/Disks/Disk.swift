import Reports

/// A whole disk as the kernel sees it: what it is, what is on it, and what uses it now.
package struct Disk: Equatable, Sendable {
    /// The kernel's name: `sda`, `mmcblk0`.
    package var name: String
    package var number: DeviceNumber
    /// Size in bytes; 0 when there is no medium in the reader.
    package var byteCount: Int64
    /// Bytes in a logical sector: 512 or 4096.
    package var sectorSize: Int
    package var bus: Bus
    package var vendor: String?
    package var model: String?
    /// The serial number of the disk or its adapter; for a loop device its file, by which one is known from another.
    package var serial: String?
    /// Whether writing is switched off, by the kernel or a card's lock slider.
    package var isReadOnly: Bool
    /// What the driver says; a card in a built-in reader is often not called removable, and a USB disk neither.
    package var isRemovable: Bool
    /// A number that no other medium gets before the next reboot (diskseq); nil before Linux 5.15.
    package var sequence: UInt64?
    package var partitions: [Part]
    /// Everything that uses the disk now; empty when nothing does.
    package var uses: [DiskUse]
    /// The kernel's names of the disks that this one is made of.
    package var foundations: [String]

    /// How a disk hangs on the machine.
    package enum Bus: String, Sendable {
        case usb
        /// A card in a slot of its own, which the kernel distinguishes from soldered memory by its register set.
        case sd
        /// Soldered memory, which looks like a card and is none.
        case emmc
        case nvme, sata, virtio, loop
        /// Made of other disks, or of memory: device mapper, md, zram.
        case virtual
        case other

        /// Whether disks of this kind are what cards are written in.
        package var holdsCards: Bool { self == .usb || self == .sd }
    }

    /// A partition that the kernel found on the disk.
    package struct Part: Equatable, Sendable {
        package var name: String
        /// Size in bytes.
        package var byteCount: Int64
    }

    package var path: String { Self.path(of: name) }

    /// sysfs writes a slash in a device's name as an exclamation mark.
    static func path(of name: String) -> String {
        "/dev/" + String(name.map { $0 == "!" ? "/" : $0 })
    }

    /// What must not change between the question and the first byte written.
    package var identity: Identity {
        Identity(number: number, byteCount: byteCount, serial: serial, sequence: sequence)
    }

    package struct Identity: Equatable, Sendable {
        package var number: DeviceNumber
        package var byteCount: Int64
        package var serial: String?
        package var sequence: UInt64?
    }

    /// `SanDisk Ultra, 31.9 GB, usb, serial 4C530001`
    package var summary: String {
        let product = [vendor, model].compactMap { $0 }.joined(separator: " ")
        let parts = [
            product.isEmpty ? nil : product, byteCount == 0 ? "no medium" : "\(ByteCount(byteCount))", bus.rawValue,
            serial.map { "serial \($0)" },
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

/// The kernel's number of a device, as in /sys/dev/block.
package struct DeviceNumber: Hashable, Sendable, CustomStringConvertible {
    package var major: UInt32
    package var minor: UInt32

    package init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// Parses the form `8:16`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]) else { return nil }
        self.init(major: major, minor: minor)
    }

    package var description: String { "\(major):\(minor)" }
}
