import Cards
import Forge
import Images
import Plans
import Reports

extension BuildCommand {
    /// Builds slots straight to cards. All devices are checked, opened and agreed to before the base is looked at.
    func writeCards() throws {
        let environment = Environment.current
        let assigned = try devicesBySlot(in: environment)
        let named = assigned.compactMap { $0.slot?.name }.joined(separator: ",")
        let specs = try settings.request(in: environment, slots: named.isEmpty ? nil : named).specs(
            basePath: base?.path, epoch: environment.sourceDateEpoch(),
            fetch: settings.fetch(in: environment, cache: environment.cache()))
        let targets = try targets(assigned, for: specs)
        let held = try cards.open(targets, image: 0, reading: specs.compactMap(\.base.ownPath))
        var report = CardReport()
        try write(specs, to: held, in: environment, reporting: &report)
        try report.finish(json: settings.answer.json)
    }

    /// Writes slots to the cards that are held for them, and adds to the report what became of each.
    func write(
        _ specs: [BuildSpec], to held: [OpenCard], in environment: Environment, reporting report: inout CardReport
    ) throws {
        let cache = try environment.cache()
        let writer = CardImageWriter(
            Dictionary(held.map { ($0.target.path, $0.device) }, uniquingKeysWith: { first, _ in first }),
            labels: held.reduce(into: [:]) { $0[$1.target.path] = $1.label }, changedOnly: cards.changedOnly,
            growing: cards.grow)
        var outcomes: [Slot: Build.Outcome] = [:]
        for spec in specs {
            var build = Build(
                spec, into: output.path, replacing: force, cache: cache, writer: writer,
                observe: { Terminal.shared.show($0) })
            build.devices = held.map(\.target).reduce(into: [:]) { devices, target in
                if let slot = target.slot { devices[slot] = target.path }
            }
            let found = try run(build, isOnly: specs.count == 1)
            for (job, outcome) in zip(spec.jobs, found) { outcomes[job.slot] = outcome }
        }
        Terminal.shared.clear()
        add(held, outcomes, writer: writer, to: &report)
    }

    /// What became of a build's slots; what fails before any of them is looked at is said of each, unless it is all that
    /// there is to say.
    private func run(_ build: Build, isOnly: Bool) throws(ForgeError) -> [Build.Outcome] {
        do throws(ForgeError) {
            return try build.run { _, outcome in
                guard let result = try? outcome.get() else { return }
                for warning in result.manifest.warnings { Output.warning(warning, of: result.slot) }
            }
        } catch {
            if isOnly { throw error }
            return build.spec.jobs.map { _ in .failure(error) }
        }
    }

    private func add(
        _ held: [OpenCard], _ outcomes: [Slot: Build.Outcome], writer: CardImageWriter, to report: inout CardReport
    ) {
        for card in held {
            guard let slot = card.target.slot else { continue }
            let built = outcomes[slot]
            let outcome = Result { () throws(ForgeError) in
                _ = try built?.get()
                if let written = writer.outcome(of: card.target.path) { return written }
                throw ForgeError(.bug, "slot \(slot): nothing is known of \(card.target.path)")
            }
            let result = try? built?.get()
            report.add(
                card, slot: slot.name, image: result?.manifest.output.file ?? slot.name,
                manifest: result?.manifestPath, outcome)
        }
    }

    /// `p1=/dev/sdb`, `oneil=/dev/sdb` or `/dev/sdb`.
    private func devicesBySlot(in environment: Environment) throws(ForgeError) -> [(slot: Slot?, path: String)] {
        try checkNoFiles(device[0])
        let hostNames =
            try Request(
                profilePath: settings.target.source.path, flags: [], environment: environment.variables
            ).profile?.hostNames ?? [:]
        var devices: [(slot: Slot?, path: String)] = []
        for text in device {
            // A link below /dev/disk may have a sign of equality in its name.
            guard let sign = text.firstIndex(of: "="), !text[..<sign].contains("/") else {
                devices.append((nil, text))
                continue
            }
            do throws(Refusal) {
                let slot = try SlotSelection.slot(String(text[..<sign]), hostNames: hostNames)
                devices.append((slot, String(text[text.index(after: sign)...])))
            } catch {
                throw ForgeError(
                    .usage, "could not use --device \(text): \(error.message)",
                    hint: error.hint.map { "--device \($0)\(text[sign...])" })
            }
        }
        return devices
    }

    /// Throws for options that are for files; `path` is the card.
    func checkNoFiles(_ path: String) throws(ForgeError) {
        let forFiles = companions.firstForFiles
        guard format != .raw || bmap == .always || forFiles != nil else { return }
        throw ForgeError(
            .usage, "could not write to \(path): \(forFiles.map { $0 + " is" } ?? "--format and --bmap are") for files",
            hint: "leave \(forFiles ?? "them") out")
    }

    /// One device for each slot and one slot for each device.
    private func targets(_ assigned: [(slot: Slot?, path: String)], for specs: [BuildSpec]) throws -> [CardTarget] {
        let slots = specs.flatMap(\.jobs).map(\.slot)
        let cluster = specs.first?.cluster
        var targets: [CardTarget] = []
        for (slot, path) in assigned {
            guard let slot = slot ?? (slots.count == 1 && assigned.count == 1 ? slots[0] : nil) else {
                throw ForgeError(
                    .usage, "could not write \(path): nobody said for which slot it is",
                    hint: "--device \(slots.first?.name ?? "p1")=\(path)")
            }
            guard slots.contains(slot) else {
                throw ForgeError(
                    .usage, "could not write \(path): slot \(slot) was not asked for",
                    hint: "add it to --slot, or leave --slot out")
            }
            guard !targets.contains(where: { $0.slot == slot }) else {
                throw ForgeError(.usage, "could not write \(path): slot \(slot) has another device already")
            }
            let label = CardLabel.Name(slot: slot.name, cluster: cluster)
            let name = cluster.map { "\(slot) of \($0)" } ?? slot.name
            targets.append(CardTarget(path: path, name: name, label: label, slot: slot))
        }
        if let slot = slots.first(where: { slot in !targets.contains { $0.slot == slot } }) {
            throw ForgeError(
                .usage, "could not build slot \(slot): there is no device for it",
                hint: "--device \(slot)=/dev/sdX, or leave \(slot) out of --slot")
        }
        return targets
    }
}
