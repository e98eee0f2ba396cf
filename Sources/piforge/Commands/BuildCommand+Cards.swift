import Cards
import Forge
import Images
import Plans
import Reports

extension BuildCommand {
    /// Builds slots straight to cards. All devices are checked, opened and agreed to before the base is looked at.
    func writeCards() throws {
        let assigned = try devicesBySlot()
        let environment = Environment.current
        let named = assigned.compactMap { $0.slot?.name }.joined(separator: ",")
        let specs = try settings.request(in: environment, slots: named.isEmpty ? nil : named).specs(
            basePath: base?.path, epoch: environment.sourceDateEpoch())
        let targets = try targets(assigned, for: specs)
        let held = try cards.open(targets, image: 0, reading: specs.map(\.base.path))

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
            build.devices = targets.reduce(into: [:]) { devices, target in
                if let slot = target.slot { devices[slot] = target.path }
            }
            let found = try run(build, isOnly: specs.count == 1)
            for (job, outcome) in zip(spec.jobs, found) { outcomes[job.slot] = outcome }
        }
        Terminal.shared.clear()
        try report(held, outcomes, writer: writer)
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

    private func report(
        _ held: [OpenCard], _ outcomes: [Slot: Build.Outcome], writer: CardImageWriter
    ) throws {
        var report = CardReport()
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
        try report.finish(json: settings.answer.json)
    }

    /// `p1=/dev/sdb` or `/dev/sdb`.
    private func devicesBySlot() throws -> [(slot: Slot?, path: String)] {
        if format != .raw || bmap == .always || wantsChecksums {
            throw ForgeError(
                .usage, "could not write to \(device[0]): --format, --bmap and --sha256sums are for files",
                hint: "leave them out, or leave out --device")
        }
        return device.map { text in
            guard let sign = text.firstIndex(of: "="), let slot = Slot(String(text[..<sign])) else {
                return (nil, text)
            }
            return (slot, String(text[text.index(after: sign)...]))
        }
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
