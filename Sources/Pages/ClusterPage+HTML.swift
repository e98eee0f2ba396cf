extension ClusterPage {
    /// The whole page: one file that needs no other, no script and no network.
    package var html: String {
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            \(Self.mark)
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(cluster): the cluster</title>
            <style>
            \(PageStyle.css)
            </style>
            </head>
            <body>
            <header>
            <h1>\(cluster)</h1>
            <p>\(summary)</p>
            </header>
            <main>
            \(ClusterDrawing(machines).svg)
            \(overview)
            \(machines.map(section))
            \(labels)
            \(digests)
            </main>
            <footer>Made by \(tool).</footer>
            </body>
            </html>

            """
        return page.markup
    }

    /// By which the next run knows that the page is piforge's own.
    private static let mark: HTML = "<meta name=\"generator\" content=\"piforge\">"

    /// Whether a file that begins so is such a page, and may be replaced.
    package static func isOwn(_ beginning: String) -> Bool { beginning.contains(mark.markup) }

    private var summary: String {
        let nodes = machines.count(where: \.isNode)
        let controllers = machines.count(where: \.isController)
        let parts = [
            Self.count(controllers, "controller"), Self.count(nodes, "node"),
            Self.count(machines.count - nodes - controllers, "other machine"),
        ].compactMap { $0 }
        let changes = machines.reduce(0) { $0 + $1.changes.count }
        return parts.joined(separator: " and ") + ", " + (Self.count(changes, "change") ?? "no change")
            + " to what the base images hold"
    }

    /// `3 nodes`; nil for none.
    private static func count(_ number: Int, _ word: String) -> String? {
        number == 0 ? nil : "\(number) \(word)\(number == 1 ? "" : "s")"
    }

    // MARK: All machines

    private var overview: HTML {
        let rows = machines.map { machine -> HTML in
            """
            <tr><td><a href="#\(machine.slot)">\(machine.slot)</a></td><td><b>\(machine.hostname)</b></td>\
            <td><code>\(machine.address)</code></td><td><code>\(machine.link ?? "")</code></td>\
            <td>\(machine.user)</td><td>\(machine.changes.count)</td><td>\(Self.verdict(machine))</td></tr>

            """
        }
        return """
            <section>
            <h2>Machines</h2>
            <div class="scroll"><table class="list">
            <thead><tr><th>Slot</th><th>Name</th><th>Address</th><th>MAC</th><th>Login</th><th>Changes</th><th>Findings</th></tr></thead>
            <tbody>
            \(rows)</tbody>
            </table></div>
            </section>

            """
    }

    private static func verdict(_ machine: Machine) -> HTML {
        let errors = machine.findings.count { $0.severity == "error" }
        let warnings = machine.findings.count { $0.severity == "warning" }
        if errors > 0 { return "<span class=\"badge error\">\(count(errors, "error") ?? "")</span>" }
        if warnings > 0 { return "<span class=\"badge warning\">\(count(warnings, "warning") ?? "")</span>" }
        return "<span class=\"badge well\">none</span>"
    }

    // MARK: One machine

    private func section(_ machine: Machine) -> HTML {
        """
        <section class="machine" id="\(machine.slot)">
        <h2>\(machine.hostname) <span class="badge">\(machine.slot)</span></h2>
        <p class="facts">\(Self.facts(machine))</p>
        \(CardBar(machine.partitions).html)\(Self.runs(machine))\(Self.findings(machine))\(Self.steps(machine))
        <h3>What is changed</h3>
        \(machine.changes.map(Self.change))\(Self.settings(machine))</section>

        """
    }

    private static func facts(_ machine: Machine) -> HTML {
        var facts: [HTML] = [
            "<code>\(machine.user)@\(machine.address)</code>", "also called \(machine.names.joined(separator: ", "))",
        ]
        if let link = machine.link { facts.append("MAC <code>\(link)</code>") }
        if let fingerprint = machine.fingerprint { facts.append("host key <code>\(fingerprint)</code>") }
        facts.append("from \(machine.base)")
        return HTML(facts, separator: " · ")
    }

    private static func runs(_ machine: Machine) -> HTML? {
        guard !machine.runs.isEmpty else { return nil }
        let chips = machine.runs.map { "<li>\($0)</li>" as HTML }
        return "<h3>What it runs</h3>\n<ul class=\"chips\">\(chips)</ul>\n"
    }

    private static func findings(_ machine: Machine) -> HTML? {
        guard !machine.findings.isEmpty else { return nil }
        let notes = machine.findings.map { finding -> HTML in
            let hint: HTML? = finding.hint.map { "<br><span class=\"hint\">\($0)</span>" }
            return "<li class=\"\(finding.severity)\"><b>\(finding.severity)</b> \(finding.what)\(hint)</li>\n"
        }
        return "<h3>Findings</h3>\n<ul class=\"findings\">\(notes)</ul>\n"
    }

    private static func steps(_ machine: Machine) -> HTML? {
        guard !machine.firstBoot.isEmpty else { return nil }
        let steps = machine.firstBoot.map { "<li><b>boot \($0.boot)</b> \($0.what)</li>\n" as HTML }
        return "<h3>What happens when it starts</h3>\n<ul class=\"steps\">\(steps)</ul>\n"
    }

    private static func change(_ change: Change) -> HTML {
        let details = change.details.map { "<p class=\"detail\">\($0)</p>\n" as HTML }
        let diff = change.diff.map { SideBySide(unified: $0).table }
        let word: HTML =
            switch change.action {
            case .create: "new"
            case .change: "changed"
            case .remove: "gone"
            }
        return """
            <details>
            <summary><span class="action \(change.action.rawValue)">\(word)</span> <code>\(change.place)</code> <span class="reason">\(change.reason)</span></summary>
            \(details)\(diff)</details>

            """
    }

    private static func settings(_ machine: Machine) -> HTML? {
        guard !machine.settings.isEmpty else { return nil }
        let rows = machine.settings.map { setting -> HTML in
            "<tr><td><code>\(setting.key)</code></td><td>\(setting.value)</td><td>\(setting.origin)</td></tr>\n"
        }
        return """
            <details>
            <summary>All settings, and where each comes from</summary>
            <div class="scroll"><table class="list"><thead><tr><th>Setting</th><th>Value</th><th>From</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>
            </details>

            """
    }

    // MARK: Labels and digests

    /// Pieces of paper for the cards' boxes; a page of their own when printed.
    private var labels: HTML {
        let labels = machines.map { machine -> HTML in
            """
            <div class="label"><span class="where">\(machine.slot)</span><b>\(machine.hostname)</b>\
            <span>\(machine.address)</span><span class="small">\(cluster)</span></div>

            """
        }
        return """
            <section class="labels">
            <h2>Labels for the cards</h2>
            <div class="grid">
            \(labels)</div>
            </section>

            """
    }

    private var digests: HTML {
        let rows = machines.map { machine -> HTML in
            let image: HTML =
                machine.image.map { "<td>\($0.file)<br>\($0.size)</td><td><code>\($0.sha256)</code></td>" }
                ?? "<td colspan=\"2\">not built yet</td>"
            return "<tr><td>\(machine.slot)</td>\(image)<td><code>\(machine.plan)</code></td></tr>\n"
        }
        return """
            <section>
            <h2>Digests</h2>
            <div class="scroll"><table class="list digests">
            <thead><tr><th>Slot</th><th>Image</th><th>SHA-256 of the image</th><th>SHA-256 of the plan</th></tr></thead>
            <tbody>
            \(rows)</tbody>
            </table></div>
            </section>

            """
    }
}
