import Plans
import Reports
import Tables
import Trees

/// Collects an `Inspection`, and on the way what is suspicious.
struct InspectionReader {
    let source: ImageFiles
    let facts: ImageFacts
    let hasRoot: Bool
    let table: PartitionTable?
    let bootPartition: Partition?
    let rootPartition: Partition?
    /// What the root file system is called; nil when nothing is known of that.
    let rootNames: FileSystemNames?
    let line: KernelCommandLine
    var findings: [Inspection.Finding] = []

    init(
        boot: any ReadableVolume, root: (any ReadableVolume)?, bootPartition: Partition?, rootPartition: Partition?,
        rootNames: FileSystemNames? = nil, table: PartitionTable?
    ) throws(VolumeError) {
        source = ImageFiles(boot: boot, root: root ?? MemoryVolume())
        hasRoot = root != nil
        self.bootPartition = bootPartition
        self.rootPartition = rootPartition
        self.rootNames = rootNames
        self.table = table
        do throws(PlanError) {
            facts = try ImageFacts.read(boot: source.boot, root: source.root)
        } catch {
            if case .unreadable(_, let cause) = error, cause.isDamage { throw cause }
            facts = ImageFacts()
            findings.append(
                .init(.error, .factsUnknown, "much of the image stays unknown: \(error.message)", hint: error.hint))
        }
        line = facts.kernelCommandLine
    }

    mutating func report(
        _ severity: Inspection.Finding.Severity, _ id: FindingID, _ what: String, hint: String? = nil
    ) {
        findings.append(.init(severity, id, what, hint: hint))
    }

    /// The slot that the image is converted to; nil while that is pending.
    var convertedSlot: Slot? {
        if case .converted(let slot) = facts.state { slot } else { nil }
    }

    /// The slot that it is or will be.
    var slot: Slot? {
        switch facts.state {
        case .converted(let slot): slot
        case .pending(let word): Slot(word)
        case .plain: nil
        }
    }

    /// The code name's place in time, for what changed with a release; unknown ones count as new.
    var isBookwormOrLater: Bool {
        !["stretch", "buster", "bullseye"].contains(facts.codename ?? "")
    }

    /// Whether systemd starts a unit at boot: a link in any `.wants` or `.requires` folder.
    func isEnabled(_ unit: String) throws(VolumeError) -> Bool {
        for folder in try unitFolders() {
            guard let path = folder.appending(unit) else { continue }
            if try isThere(path) { return true }
        }
        return false
    }

    /// Whether the next start runs a unit that may be for a first start alone, as systemd understands that (systemd.unit(5)).
    func willStart(_ unit: String) throws(VolumeError) -> Bool {
        guard try isEnabled(unit), try !isMasked(unit) else { return false }
        let isForFirst = facts.unitFile(unit)?.text.contains("\nConditionFirstBoot=yes") == true
        return isForFirst ? try isFirstStart() : true
    }

    /// The kernel's line may say so, too (kernel-command-line(7)).
    func isFirstStart() throws(VolumeError) -> Bool {
        switch line.values(of: "systemd.condition_first_boot").last {
        case "1", "yes", "true", "on": true
        case .some: false
        case nil: try source.isFirstBootForSystemd()
        }
    }

    func isMasked(_ unit: String) throws(VolumeError) -> Bool { try mask(of: unit) != nil }

    /// What masks a unit, so that nothing starts it; nil when nothing does. The first folder that has the unit counts
    /// (systemd.unit(5)), and the kernel's line besides (systemd-debug-generator(8)).
    func mask(of unit: String) throws(VolumeError) -> String? {
        for folder in [
            "/etc/systemd/system.control", "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system",
        ] {
            guard let path = VolumePath("\(folder)/\(unit)"), try isThere(path) else { continue }
            if try source.linkText(path) == "/dev/null" { return path.description }
            break
        }
        let word = line.values(of: "systemd.mask").first { ($0.contains(".") ? $0 : $0 + ".service") == unit }
        return word.map { "systemd.mask=\($0) on the kernel's line" }
    }

    /// The target that systemd starts at boot, and what says so: the kernel's line, where the last word counts, else
    /// default.target (kernel-command-line(7), bootup(7)).
    func bootTarget() throws(VolumeError) -> (name: String, by: String) {
        let levels = [
            "emergency": "emergency.target", "-b": "emergency.target", "rescue": "rescue.target", "1": "rescue.target",
            "single": "rescue.target", "s": "rescue.target", "S": "rescue.target", "2": "multi-user.target",
            "3": "multi-user.target", "4": "multi-user.target", "5": "graphical.target",
        ]
        for argument in line.arguments.reversed() {
            if argument.key == "systemd.unit", let name = argument.value {
                return (name, "systemd.unit=\(name) on the kernel's line")
            }
            if argument.value == nil, let name = levels[argument.key] {
                return (name, "`\(argument.key)` on the kernel's line")
            }
        }
        for folder in ["/etc/systemd/system", "/usr/lib/systemd/system"] {
            guard let path = VolumePath(folder + "/default.target"), let text = try source.linkText(path) else {
                continue
            }
            return (text.fileName, path.description)
        }
        return ("graphical.target", "systemd")
    }

    /// The folders of links that make units start.
    func unitFolders() throws(VolumeError) -> [VolumePath] {
        let top: VolumePath = "/etc/systemd/system"
        return try source.names(.root, top).filter { $0.hasSuffix(".wants") || $0.hasSuffix(".requires") }
            .compactMap { top.appending($0) }
    }

    /// Something lies at a path, be it a link that leads nowhere.
    func isThere(_ path: VolumePath) throws(VolumeError) -> Bool {
        if try source.linkText(path) != nil { return true }
        return try source.exists(.root, path)
    }
}

// MARK: - Identity

extension InspectionReader {
    mutating func identity() throws(VolumeError) -> Inspection.Identity {
        Inspection.Identity(
            kind: kind, slot: slot?.name, conversion: conversion, release: facts.codename,
            version: facts.versionID, architecture: try architecture()?.rawValue,
            bootMount: facts.bootMount.description, hostname: facts.hostname, wasBooted: facts.wasBooted,
            isRootReadable: hasRoot)
    }

    /// What the programs are built for; where none could be looked at, by the name of their loader.
    func architecture() throws(VolumeError) -> ImageFacts.Architecture? {
        if let known = facts.architecture { return known }
        let loaders: [(path: VolumePath, architecture: ImageFacts.Architecture)] = [
            ("/lib/ld-linux-armhf.so.3", .armhf), ("/lib/ld-linux-aarch64.so.1", .arm64),
            ("/lib/ld-linux.so.3", .armel),
        ]
        for (path, architecture) in loaders where try source.exists(.root, path) { return architecture }
        return try source.lines(.root, "/var/lib/dpkg/arch")?.first.flatMap(ImageFacts.Architecture.init)
    }

    private var conversion: Inspection.Identity.Conversion {
        switch facts.state {
        case .pending: .pending
        case .converted: .done
        case .plain: .none
        }
    }

    private var kind: Inspection.Identity.Kind {
        if facts.isNetbootTree { return .netbootTree }
        if case .pending = facts.state { return .clusterCTRL }
        if facts.missingTools.isEmpty { return .clusterCTRL }
        if facts.hasReconfigClusterHAT { return .clusterHAT }
        return facts.isRaspberryPiOS ? .raspberryPiOS : .other
    }

    /// Addresses and MACs that 8086's scripts give a slot.
    func network() throws(VolumeError) -> Inspection.Network? {
        guard let slot, let address = slot.fallbackAddress else { return nil }
        guard let link = slot.linkAddresses else {
            return Inspection.Network(address: address, netbootAddress: ClusterNetwork.boot.controller)
        }
        return Inspection.Network(
            address: address, nodeMAC: link.node, controllerMAC: link.controller)
    }
}
