import Plans
package import Reports

/// Decides whether a disk may be overwritten; a pure function of what was found and what was asked for.
package struct DeviceGuard: Equatable, Sendable {
    /// Bytes of the image; 0 while none is known.
    package var imageByteCount: Int64
    /// Whether disks larger than `sizeLimit` may be written.
    package var allowsLarge: Bool
    /// What the person said the disk's serial is.
    package var expectedSerial: String?
    /// What the person said the disk's size in bytes is.
    package var expectedByteCount: Int64?

    /// No card for a Pi Zero is larger, and most disks that must not be overwritten are: 256 GiB.
    package static let sizeLimit: Int64 = 256 << 30

    package init(
        imageByteCount: Int64 = 0, allowsLarge: Bool = false, expectedSerial: String? = nil,
        expectedByteCount: Int64? = nil
    ) {
        self.imageByteCount = imageByteCount
        self.allowsLarge = allowsLarge
        self.expectedSerial = expectedSerial
        self.expectedByteCount = expectedByteCount
    }

    /// Why a disk is not written.
    package enum Refusal: Equatable, Sendable {
        case partition(name: String, of: String)
        case noMedium
        case readOnly
        case inUse([DiskUse])
        /// Writing to it would write to these.
        case madeOf([String])
        case tooSmall(image: Int64, disk: Int64)
        case tooLarge(disk: Int64)
        /// Not a card by its bus; nil when there is no serial that could be typed instead.
        case noCard(Disk.Bus, serial: String?)
        case otherSerial(expected: String, found: String?)
        case otherSize(expected: Int64, found: Int64)
    }

    /// All reasons against a disk, the most telling first; empty for a disk that may be written once the person agrees.
    package func refusals(of disk: Disk) -> [Refusal] {
        var reasons: [Refusal] = []
        if !disk.uses.isEmpty { reasons.append(.inUse(disk.uses)) }
        if !disk.foundations.isEmpty || disk.bus == .virtual { reasons.append(.madeOf(disk.foundations)) }
        if disk.byteCount == 0 { reasons.append(.noMedium) }
        if disk.isReadOnly { reasons.append(.readOnly) }
        if !disk.bus.holdsCards, disk.bus != .virtual, disk.serial == nil || disk.serial != expectedSerial {
            reasons.append(.noCard(disk.bus, serial: disk.serial))
        }
        if disk.byteCount > Self.sizeLimit, !allowsLarge { reasons.append(.tooLarge(disk: disk.byteCount)) }
        if disk.byteCount > 0, disk.byteCount < imageByteCount {
            reasons.append(.tooSmall(image: imageByteCount, disk: disk.byteCount))
        }
        if let expectedSerial, disk.serial != expectedSerial {
            reasons.append(.otherSerial(expected: expectedSerial, found: disk.serial))
        }
        if let expectedByteCount, disk.byteCount != expectedByteCount {
            reasons.append(.otherSize(expected: expectedByteCount, found: disk.byteCount))
        }
        return reasons
    }

    /// The disk behind a device number, if it is a whole one that may be written.
    ///
    /// Where the person can be asked, `noCard` is no reason yet: the question will be for the whole serial.
    package func choose(
        _ number: DeviceNumber, named path: String, in inventory: DiskInventory, canAsk: Bool
    ) throws(ForgeError) -> Disk {
        guard let location = inventory.location(of: number), let disk = inventory.disk(named: location.disk) else {
            throw ForgeError(
                .badInput, "could not write \(path): the kernel lists no disk \(number)",
                hint: "piforge devices lists the cards of this machine")
        }
        if let partition = location.partition {
            throw ForgeError(.partition(name: partition, of: disk.name), path: path, disk: disk)
        }
        let reasons = refusals(of: disk).filter { reason in
            if canAsk, expectedSerial == nil, case .noCard(_, _?) = reason { return false }
            return true
        }
        if let reason = reasons.first { throw ForgeError(reason, path: path, disk: disk) }
        return disk
    }
}

extension DeviceGuard.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .partition(let name, let disk): "\(name) is a partition of \(disk), not a whole card"
        case .noMedium: "there is no card in it"
        case .readOnly: "it is write-protected"
        case .inUse(let uses):
            (uses.contains(where: \.isOfSystem) ? "this system runs from it: " : "it is in use: ")
                + uses.map(\.description).joined(separator: "; ")
        case .madeOf(let names) where names.isEmpty: "it is no disk of its own"
        case .madeOf(let names): "it is made of \(names.joined(separator: ", "))"
        case .tooSmall(let image, let disk):
            "the image is \(ByteCount(image)) (\(image) bytes) but it holds \(ByteCount(disk)) (\(disk) bytes)"
        case .tooLarge(let disk):
            "it holds \(ByteCount(disk)), more than the \(ByteCount(DeviceGuard.sizeLimit)) of the largest card"
        case .noCard(let bus, let serial):
            "it is no card but \(bus.phrase)" + (serial == nil ? ", and it has no serial to know it by" : "")
        case .otherSerial(let expected, let found):
            "its serial is \(found ?? "not known"), not \(expected)"
        case .otherSize(let expected, let found): "it holds \(found) bytes, not \(expected)"
        }
    }
}

extension Disk.Bus {
    /// With its article, for a sentence.
    package var phrase: String {
        switch self {
        case .usb: "a USB disk"
        case .sd: "an SD card"
        case .emmc: "soldered memory (eMMC)"
        case .nvme: "an NVMe disk"
        case .sata: "a SATA disk"
        case .virtio: "a virtual machine's disk"
        case .loop: "a loop device"
        case .virtual: "made of other disks"
        case .other: "a disk on an unknown bus"
        }
    }
}

extension ForgeError {
    init(_ refusal: DeviceGuard.Refusal, path: String, disk: Disk) {
        let message = "could not write \(path): \(refusal)"
        switch refusal {
        case .partition(_, let name):
            self.init(.usage, message, hint: "give the whole card: \(Disk.path(of: name))")
        case .noMedium:
            self.init(.cannotCreate, message, hint: "put the card in, and see it with: piforge devices")
        case .readOnly:
            self.init(.permission, message, hint: "move the lock slider of the card or its adapter")
        case .inUse(let uses):
            let points = uses.compactMap(\.mountPoint)
            let isEnough = points.count == uses.count
            self.init(
                .cannotCreate, message,
                hint: isEnough
                    ? "if it is the card you mean: sudo umount \(points.map(Self.quoted).joined(separator: " "))"
                    : "piforge devices lists the cards that nothing uses")
        case .madeOf:
            self.init(.cannotCreate, message, hint: "piforge devices lists the cards of this machine")
        case .tooSmall:
            self.init(.cannotCreate, message, hint: "use a larger card")
        case .tooLarge:
            self.init(.cannotCreate, message, hint: "if it shall be overwritten, add --allow-large")
        case .noCard(_, let serial?):
            self.init(
                .cannotCreate, message, hint: "if it shall be overwritten, add --expect-serial \(Self.quoted(serial))")
        case .noCard(_, nil):
            self.init(.cannotCreate, message, hint: "use a card reader")
        case .otherSerial, .otherSize:
            self.init(.cannotCreate, message, hint: "piforge devices --all shows what is where now")
        }
    }
}
