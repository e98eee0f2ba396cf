/// The [Install] section of a unit's file (systemd.unit(5)).
struct UnitInstall: Equatable, Sendable {
    var wantedBy: [String] = []
    var requiredBy: [String] = []
    var aliases: [String] = []
    /// Units that are enabled and disabled together with it.
    var also: [String] = []

    init(_ text: String) {
        var isInstall = false
        for line in TextLines(text).lines.map(\.text.trimmed) {
            if line.hasPrefix("[") {
                isInstall = line == "[Install]"
            } else if isInstall, let (name, value) = TextRule.variable(line) {
                switch name {
                case "WantedBy": wantedBy += value.words
                case "RequiredBy": requiredBy += value.words
                case "Alias": aliases += value.words
                case "Also": also += value.words
                default: break
                }
            }
        }
    }

    var isEmpty: Bool { wantedBy.isEmpty && requiredBy.isEmpty && aliases.isEmpty && also.isEmpty }

    /// The folders below /etc/systemd/system that get a link.
    var folders: [String] { wantedBy.map { $0 + ".wants" } + requiredBy.map { $0 + ".requires" } }
}
