/// What a file system is called, apart from where it lies.
package struct FileSystemNames: Equatable, Sendable {
    /// As it is printed everywhere: 8-4-4-4-12 lower-case hex digits.
    package var uuid: String
    package var label: String

    package init(uuid: String, label: String) {
        self.uuid = uuid
        self.label = label
    }
}

/// What stands after `root=` on the kernel's line (Linux, block/early-lookup.c; initramfs-tools, scripts/functions).
package enum RootArgument: Equatable, Sendable {
    /// `PARTUUID=…`, with the count of `/PARTNROFF=…`: the partition so many numbers after that one.
    case partitionID(String, offset: Int)
    case partitionName(String)
    case fileSystemID(String)
    case label(String)
    /// A device file that ends in a partition's number.
    case number(Int)
    case network
    /// Something that only the running machine can tell.
    case other(String)

    package init(_ written: String) {
        let value = written.filter { $0 != "\"" }
        func rest(_ names: String...) -> String? {
            names.first { value.hasPrefix($0) }.map { String(value.dropFirst($0.utf8.count)) }
        }
        if let text = rest("PARTUUID=", "/dev/disk/by-partuuid/") {
            let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
            let key = "PARTNROFF="
            let offset = parts.count > 1 && parts[1].hasPrefix(key) ? Int(parts[1].dropFirst(key.utf8.count)) : 0
            self = offset.map { .partitionID((parts.first ?? "").lowercased(), offset: $0) } ?? .other(value)
        } else if let text = rest("PARTLABEL=", "/dev/disk/by-partlabel/") {
            self = .partitionName(text)
        } else if let text = rest("UUID=", "/dev/disk/by-uuid/") {
            self = .fileSystemID(text.lowercased())
        } else if let text = rest("LABEL=", "/dev/disk/by-label/") {
            self = .label(text)
        } else if value == "/dev/nfs" {
            self = .network
        } else if let number = Self.number(of: value) {
            self = .number(number)
        } else {
            self = .other(value)
        }
    }

    /// Of mmcblk0p2, nvme0n1p2, sda2 and `…-part2` below /dev/disk.
    private static func number(of value: String) -> Int? {
        guard value.hasPrefix("/dev/"), value.last?.isNumber == true else { return nil }
        let name = value.dropFirst("/dev/".utf8.count)
        let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
        let disk = name.dropLast(digits.utf8.count)
        let isNamed =
            disk.hasPrefix("disk/by-")
            ? disk.hasSuffix("-part")
            : disk.hasSuffix("p") && disk.dropLast().last?.isNumber == true
                || ["sd", "hd", "vd", "xvd"].contains(where: disk.hasPrefix) && disk.allSatisfy(\.isLetter)
        return isNamed ? Int(digits) : nil
    }

    /// The kernel alone knows neither UUIDs nor labels of file systems; an initramfs looks for them.
    package var needsInitramfs: Bool {
        switch self {
        case .fileSystemID, .label: true
        default: false
        }
    }

    /// Whether it names a partition of the table whose file system has these names; nil when that cannot be decided
    /// here.
    package func names(
        _ partition: Partition, of table: PartitionTable?, fileSystem: FileSystemNames?
    ) -> Bool? {
        switch self {
        case .partitionID(let id, 0): return id == partition.identifier.lowercased()
        case .partitionID(let id, let offset):
            guard let first = table?.partitions.first(where: { $0.identifier.lowercased() == id }) else {
                return table == nil ? nil : false
            }
            return first.number + offset == partition.number
        case .partitionName(let name): return name == partition.name
        case .fileSystemID(let id): return fileSystem.map { $0.uuid.lowercased() == id }
        case .label(let label): return fileSystem.map { $0.label == label }
        case .number(let number): return number == partition.number
        case .network, .other: return nil
        }
    }
}
