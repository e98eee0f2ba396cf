import Payload
import Plans
import Readers
import Reports
import Trees

/// Whether the first boot can install packages and run commands, and the machine run what was installed.
extension EffectJudge {
    mutating func judgeFirstBoot() throws(VolumeError) {
        if !settings.debs.isEmpty {
            try judgeStart(of: FirstBoot.packagesUnit, setting: "debs")
            try judgeProcessors()
            try judgeRoom()
        }
        if !settings.firstBoot.isEmpty { try judgeStart(of: FirstBoot.commandsUnit, setting: "first_boot") }
    }

    /// A Zero and a Zero W have an ARMv6; a Zero 2 W runs what they cannot. Where the system itself needs more, no other
    /// board is meant.
    private mutating func judgeProcessors() throws(VolumeError) {
        guard slot.isNode, try reader.architecture() != .arm64 else { return }
        var scanner = ProcessorScanner()
        let own = reader.facts.bytes(.root, "/bin/true") ?? reader.facts.bytes(.root, "/usr/bin/true") ?? []
        own.withUnsafeBytes { scanner.take($0) }
        let system = scanner.finish() ?? .armV6
        for file in settings.debs where file.facts.architecture != "all" {
            let needs: [ProcessorNeed: String]
            do throws(ProfileFileError) { needs = try file.programs.needs() } catch {
                warn(
                    .packageProcessor,
                    "what the programs of \(file.facts.name) need is not known: \(error.reason)")
                continue
            }
            guard let need = needs.keys.filter({ $0 > max(system, .armV6) }).min(), let program = needs[need] else {
                continue
            }
            refuse(
                "the package \(file.facts.name)", .packageProcessor,
                "its \(program) needs an \(need.name), and a Zero or Zero W is an ARMv6",
                hint: "take it from the image's own archive, or allow it when this slot's machine is a Zero 2 W")
            return
        }
    }

    /// Where the root file system stays as large as it is: what grows fills a card of unknown size.
    private mutating func judgeRoom() throws(VolumeError) {
        guard let free = freeByteCount,
            try !ImageFacts.growsRoot(boot: reader.source.boot, root: reader.source.root)
        else { return }
        let needed = settings.debs.reduce(0) { $0 + $1.facts.installedKiB } * 1024
        guard needed > free else { return }
        refuse(
            "debs", .packagesRoom,
            "installed they take \(ByteCount(needed)), and the root file system, which does not grow, has "
                + "\(ByteCount(free)) free",
            hint: "use a base whose root partition is larger, or one whose first boot lets it grow")
    }
}

extension InspectionReader {
    /// What the first boot installs and runs of what piforge put there, a sentence each.
    func pendingFirstBoot() throws(VolumeError) -> [String] {
        var steps: [String] = []
        let packages = try packagesOnCard()
        if !packages.isEmpty, try isEnabled(FirstBoot.packagesUnit) {
            steps.append(
                "installs \(packages.count == 1 ? "a package" : "\(packages.count) packages") from the card: "
                    + packages.joined(separator: ", "))
        }
        let commands = try pendingCommands()
        if !commands.isEmpty, try isEnabled(FirstBoot.commandsUnit) {
            steps.append("runs " + commands.map { "`\($0)`" }.joined(separator: ", "))
        }
        return steps
    }

    /// `docker.io 20.10.24+dfsg1-1`, by the names of the files.
    private func packagesOnCard() throws(VolumeError) -> [String] {
        guard let folder = VolumePath("/" + FirstBoot.packages) else { return [] }
        var names: [String] = []
        for round in try source.names(.root, folder) {
            guard let below = folder.appending(round) else { continue }
            names += try source.names(.root, below).filter { $0.hasSuffix(".deb") }
        }
        return names.sorted().map { name in
            let parts = name.split(separator: "_")
            return parts.count == 3 ? "\(parts[0]) \(parts[1].replacing("%3a", with: ":"))" : name
        }
    }

    /// The first line of each.
    private func pendingCommands() throws(VolumeError) -> [String] {
        guard let folder = VolumePath("/" + FirstBoot.commands) else { return [] }
        var commands: [String] = []
        for name in try source.names(.root, folder) where name != "count" {
            guard let path = folder.appending(name), let lines = try source.lines(.root, path) else { continue }
            commands.append((lines.first ?? "") + (lines.count > 1 ? " …" : ""))
        }
        return commands
    }
}
