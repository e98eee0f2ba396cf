package import Plans
package import Reports

extension ForgeError {
    /// The refusal to make a slot's image, with what was found and how to go on; nil without findings.
    package init?(refusing findings: [Inspection.Finding], of slot: Slot) {
        guard let first = findings.first else { return nil }
        guard findings.count > 1 else {
            let way = "or go on with --allow \(first.id.rawValue)"
            self.init(
                .badInput, "slot \(slot): \(first.what) [\(first.id.rawValue)]",
                hint: first.hint.map { "\($0); \(way)" } ?? way)
            return
        }
        let lines = findings.map { finding in
            "  \(finding.what) [\(finding.id.rawValue)]" + (finding.hint.map { " (hint: \($0))" } ?? "")
        }
        self.init(
            .badInput, "slot \(slot): \(findings.count) things would not work\n" + lines.joined(separator: "\n"),
            hint: "mend them, or go on with --allow and the names in brackets")
    }
}

extension [Inspection.Finding] {
    /// What is to be said of a slot's image along the way, as warnings; throws what it must not be made with: errors, and
    /// warnings when `isStrict`.
    package func warnings(
        of slot: Slot, allowing allowed: Set<FindingID>, isStrict: Bool = false
    ) throws(ForgeError) -> [String] {
        let least: Inspection.Finding.Severity = isStrict ? .warning : .error
        let refused = filter { $0.severity <= least && !allowed.contains($0.id) }
        if let error = ForgeError(refusing: refused, of: slot) { throw error }
        return map { "\($0.what) [\($0.id.rawValue)]" }
    }
}
