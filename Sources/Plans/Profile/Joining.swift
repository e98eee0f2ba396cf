/// How an entry of a layer joins the entries of its setting that were there before.
///
/// First it drops all entries of some groups, except one that is the same as itself; then it is added at the end,
/// unless there is one with its identity.
struct Joining: Equatable, Sendable {
    /// Two entries with the same identity are one; nil for an entry that is always added.
    var identity: String?
    /// Whether the later of two with the same identity takes the earlier one's place; else the earlier one stays.
    var replaces = false
    /// By what others can drop this entry.
    var groups: [String] = []
    /// The groups that this entry drops.
    var drops: [String] = []

    /// Takes the place of the one with the same identity.
    static func replacing(_ identity: String) -> Joining { Joining(identity: identity, replaces: true) }
    /// Added once.
    static func once(_ identity: String) -> Joining { Joining(identity: identity) }
    /// Added each time.
    static let always = Joining()
}

/// Collects the entries of one setting, layer after layer; each takes constant time.
struct EntryMerger {
    private var entries: [SettingsLayer.Entry?] = []
    private var identities: [String: Int] = [:]
    private var groups: [String: [Int]] = [:]

    init(_ entries: [SettingsLayer.Entry]) {
        for entry in entries { add(entry) }
    }

    mutating func add(_ entry: SettingsLayer.Entry) {
        let joining = entry.joining
        for group in joining.drops { drop(group, except: joining.identity) }
        if let identity = joining.identity, let index = identities[identity] {
            if joining.replaces { entries[index] = entry }
            return
        }
        if let identity = joining.identity { identities[identity] = entries.count }
        for group in joining.groups { groups[group, default: []].append(entries.count) }
        entries.append(entry)
    }

    private mutating func drop(_ group: String, except identity: String?) {
        guard let members = groups.removeValue(forKey: group) else { return }
        for index in members {
            guard let entry = entries[index] else { continue }
            if let other = entry.joining.identity {
                if other == identity {
                    groups[group, default: []].append(index)
                    continue
                }
                identities[other] = nil
            }
            entries[index] = nil
        }
    }

    var merged: [SettingsLayer.Entry] { entries.compactMap { $0 } }
}
