/// The options that systemd starts dockerd with, by the members of daemon.json that say the same (dockerd(8)).
///
/// dockerd ends at once when an option and the file both say something (moby, daemon/config, findConfigurationConflicts).
package struct EngineCommandLine: Equatable, Sendable {
    package typealias Line = ServerCommandLine.Line

    /// Members of daemon.json, each with the line that says it already.
    package private(set) var members: [String: Line] = [:]

    /// Options whose member has another name.
    private static let names = [
        "label": "labels", "log-opt": "log-opts", "default-address-pool": "default-address-pools", "host": "hosts",
        "H": "hosts", "graph": "data-root", "g": "data-root", "s": "storage-driver", "storage-opt": "storage-opts",
        "insecure-registry": "insecure-registries", "registry-mirror": "registry-mirrors", "D": "debug",
        "l": "log-level", "G": "group", "p": "pidfile", "exec-opt": "exec-opts", "dns-opt": "dns-opts",
    ]

    /// `unit`: all lines of docker.service and, after it, of its drop-ins; `defaults`: those of /etc/default/docker.
    package init(unit: [Line], defaults: [Line]) {
        var start: Line?
        for line in unit {
            guard let (name, value) = Self.assignment(line.text), name == "ExecStart", !value.isEmpty else { continue }
            start = Line(value, at: line.origin)
        }
        guard let start else { return }
        take(start)
        for line in defaults {
            guard let (name, value) = Self.assignment(line.text), start.text.contains("$\(name)") else { continue }
            take(Line(value.filter { $0 != "\"" && $0 != "'" }, at: line.origin))
        }
    }

    private static func assignment(_ text: String) -> (name: String, value: String)? {
        let text = text.trimmedBlanks
        guard !text.hasPrefix("#"), let equals = text.firstIndex(of: "=") else { return nil }
        return (
            String(text[..<equals]).trimmedBlanks, String(text[text.index(after: equals)...]).trimmedBlanks
        )
    }

    private mutating func take(_ line: Line) {
        for word in line.text.blankSeparated where word.hasPrefix("-") {
            let isLong = word.hasPrefix("--")
            let name = String((isLong ? word.dropFirst(2) : word.dropFirst().prefix(1)).prefix { $0 != "=" })
            let member = Self.names[name] ?? name
            if members[member] == nil { members[member] = line }
        }
    }
}
