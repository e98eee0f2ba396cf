import ArgumentParser
import Cards
import Forge
import Images
import Plans
import Reports

extension BuildCommand {
    /// Builds slots to cards that follow each other in one reader; each is asked for, confirmed, written, read back and put
    /// out.
    func writeCardsInTurn(in path: String) throws {
        try checkNoFiles(path)
        guard device.isEmpty else {
            throw ForgeError(.usage, "could not use --cards and --device at once", hint: "leave out --device")
        }
        guard cards.canAsk else {
            throw ForgeError(
                .usage,
                "could not ask for cards: \(cards.yes ? "--yes lets nobody be asked" : "standard input is no terminal")",
                hint: "--device p1=\(path) --yes --expect-serial SERIAL, once for each slot")
        }
        let environment = Environment.current
        let specs = try settings.request(in: environment).specs(
            basePath: base?.path, epoch: environment.sourceDateEpoch(),
            fetch: settings.fetch(in: environment, cache: environment.cache()))
        let queue = specs.flatMap { spec in
            spec.jobs.map { job in
                var single = spec
                single.jobs = [job]
                return single
            }
        }.sorted { ($0.jobs.first?.slot ?? .cnat) < ($1.jobs.first?.slot ?? .cnat) }
        var turn = CardTurn(reader: CardReader(path: path), report: CardReport())
        for (index, spec) in queue.enumerated() {
            do {
                try write(spec, number: index + 1, of: queue.count, &turn, in: environment)
            } catch {
                tellHowToGoOn(turn.leftOut + queue[index...].flatMap(\.jobs).map(\.slot))
                throw error
            }
        }
        if !turn.leftOut.isEmpty { tellHowToGoOn(turn.leftOut) }
        try turn.report.finish(json: settings.answer.json)
        if let failure = turn.failure { throw ExitCode(failure.exitCode) }
    }

    /// Asks for the card of one slot until it is written or left out.
    private func write(
        _ spec: BuildSpec, number: Int, of count: Int, _ turn: inout CardTurn, in environment: Environment
    ) throws {
        guard let job = spec.jobs.first else { return }
        let name = job.settings.hostname.map { "\(job.slot) (\($0))" } ?? job.slot.name
        let path = turn.reader.path
        Output.prompt("\ncard \(number) of \(count): \(name)\n")
        while true {
            let disk = try turn.reader.waitForCard(other: turn.last) {
                Output.prompt(
                    turn.last == nil
                        ? "Put it into \(path); Ctrl-C stops.\n"
                        : "Take the last card out of \(path) and put the next one in; Ctrl-C stops.\n")
            }
            do throws(ForgeError) {
                try writeOnce(spec, job, to: path, &turn, in: environment)
                turn.last = disk
                return Output.prompt("Label it:  \(spec.cluster.map { $0 + " " } ?? "")\(name)\n")
            } catch {
                if error.kind == .interrupted { throw error }
                Output.fail(error)
                let isTriedAgain = try Questions.ask("Enter to try again, or s to leave \(job.slot) out") {
                    (answer) throws(Refusal) in
                    guard ["", "s"].contains(answer.lowercased()) else {
                        throw Refusal("the answer is neither Enter nor s", hint: "Enter, or s")
                    }
                    return answer.isEmpty
                }
                guard !isTriedAgain else { continue }
                turn.leftOut.append(job.slot)
                turn.failure = turn.failure ?? error
                return
            }
        }
    }

    private func writeOnce(
        _ spec: BuildSpec, _ job: BuildSpec.Job, to path: String, _ turn: inout CardTurn, in environment: Environment
    ) throws(ForgeError) {
        do {
            let label = CardLabel.Name(slot: job.slot.name, cluster: spec.cluster)
            let name = spec.cluster.map { "\(job.slot) of \($0)" } ?? job.slot.name
            let target = CardTarget(path: path, name: name, label: label, slot: job.slot)
            let held = try cards.open([target], image: 0, reading: [spec.base.ownPath].compactMap { $0 })
            try write([spec], to: held, in: environment, reporting: &turn.report)
            if let failure = turn.report.takeLastFailure() { throw failure }
            let isOut = held.allSatisfy { $0.device.eject() }
            Output.prompt(isOut ? "It is put out. " : "Take it out. ")
        } catch let error as ForgeError {
            throw error
        } catch {
            throw ForgeError(.bug, "could not write \(path): \(error)")
        }
    }

    /// The same command for the slots that have no card yet.
    private func tellHowToGoOn(_ slots: [Slot]) {
        var words: [String] = ["piforge"]
        var isValue = false
        for word in CommandLine.arguments.dropFirst() {
            if !isValue, word != "--slot", !word.hasPrefix("--slot=") { words.append(ForgeError.quoted(word)) }
            isValue = word == "--slot"
        }
        words += ["--slot", slots.map(\.name).joined(separator: ",")]
        Output.prompt("to go on:  \(words.joined(separator: " "))\n")
    }
}

/// Where the cards of one reader are.
private struct CardTurn {
    var reader: CardReader
    var report: CardReport
    /// The card that was written last, which must go before the next one comes.
    var last: Disk?
    /// Slots without a card.
    var leftOut: [Slot] = []
    /// Why the first of them was left out.
    var failure: ForgeError?
}
