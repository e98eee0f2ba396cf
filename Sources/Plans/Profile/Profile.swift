/// What a cluster's images shall be: the decoded profile, or what flags say when there is none.
package struct Profile: Equatable, Sendable {
    /// The profile's name as the user gave it, for messages; empty without one.
    package var name: String
    /// Begins the names of the outputs.
    package var cluster: String
    package var base: Base?
    /// What holds for every slot; the cluster's domain is in it.
    package var defaults: SettingsLayer
    /// The slots that exist, each with what it says itself.
    package var slotLayers: [Slot: SettingsLayer]

    package init(
        name: String, cluster: String, base: Base? = nil, defaults: SettingsLayer = .init(),
        slotLayers: [Slot: SettingsLayer] = [:]
    ) {
        self.name = name
        self.cluster = cluster
        self.base = base
        self.defaults = defaults
        self.slotLayers = slotLayers
    }

    /// The profile of a build that has none: everything comes from flags.
    package static let none = Profile(name: "", cluster: "piforge")

    /// The file that is read when no profile is named.
    package static let defaultPath = "piforge.yaml"

    /// The slots that exist, controllers first.
    package var slots: [Slot] { slotLayers.keys.sorted() }

    /// The slot of each host name, in lower case, and of each plain machine's own name.
    package var hostNames: [String: Slot] {
        let named = slots.compactMap { slot in
            layer(for: slot).entry("hostname")?.value.text.map { ($0.lowercased(), slot) }
        }
        return Dictionary(slots.filter(\.isPlain).map { ($0.name, $0) } + named) { first, _ in first }
    }
}

// MARK: - Effective values

extension Profile {
    /// The defaults, the slot's own values and the flags, laid over each other.
    package func layer(for slot: Slot, flags: SettingsLayer? = nil) -> SettingsLayer {
        var layer = defaults
        layer.merge(slotLayers[slot] ?? SettingsLayer())
        if let flags { layer.merge(flags) }
        return layer
    }

    /// What one slot's image shall be; throws when flags contradict the profile or each other.
    package func settings(for slot: Slot, flags: SettingsLayer? = nil) throws(ProfileErrors) -> Settings {
        try self.settings(for: [slot], flags: flags).first?.settings ?? Settings()
    }

    /// As `settings(for:flags:)` for several slots, which also must not share a host name.
    ///
    /// Unless `needsSecret`, an `identity` whose file is missing is no error, and what follows from it is withheld.
    package func settings(
        for slots: [Slot], flags: SettingsLayer? = nil, needsSecret: Bool = true
    ) throws(ProfileErrors) -> [(slot: Slot, settings: Settings)] {
        let layers = slots.map { (slot: $0, layer: layer(for: $0, flags: flags)) }
        let problems = Self.problems(layers) + fleetProblems(flags: flags)
        guard problems.isEmpty else { throw ProfileErrors(problems) }
        return try settings(of: layers, flags: flags, needsSecret: needsSecret)
    }

    /// What is wrong with the merged layers of some slots, the host names among them.
    static func problems(_ layers: [(slot: Slot, layer: SettingsLayer)]) -> [ProfileProblem] {
        var problems: [ProfileProblem] = []
        var first: [String: Slot] = [:]
        for (slot, layer) in layers {
            problems += layer.problems(for: slot)
            guard let entry = layer.entry("hostname"), case .text(let name) = entry.value else { continue }
            if let other = first[name] {
                problems.append(
                    ProfileProblem(
                        entry.position, "the host name `\(name)` is given to \(other) and \(slot)",
                        hint: "each slot needs a name of its own"))
            }
            first[name] = first[name] ?? slot
        }
        return problems
    }
}
