import Payload
package import Readers
import Trees

/// Docker set up for a node or a controller of a cluster.
enum DockerSetting: Setting {
    /// Nil when nothing is done about Docker.
    typealias Value = Settings.Docker?

    static let keys = [
        SchemaKey(
            "docker",
            .booleanOr([
                SchemaKey(
                    "labels", .map(key: .engineLabel, value: .text(.engineLabelValue)),
                    "Labels of the engine, besides `piforge.slot`.", example: "{board: zero}"),
                SchemaKey(
                    "data", .text(.dockerData),
                    "/var/lib/docker as a file system of this size in a file, for roots over NFS.", example: "8G"),
                SchemaKey(
                    "daemon", .json, "More of /etc/docker/daemon.json.", example: "{\"max-concurrent-downloads\": 2}"),
            ]),
            "Docker: daemon.json, the memory cgroup, the group `docker`, its units; `{}` or true is enough. The base or a package brings the engine.",
            example: "{}")
    ]

    static let template = """

        # Docker, which the base or a package brings: daemon.json, the memory cgroup, the group docker.
        # docker: {}
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        guard entries.last(where: { $0.key == name })?.value.boolean == true else { return nil }
        var docker = Settings.Docker()
        for entry in entries {
            switch entry.value {
            case .named(let label, let text): docker.labels.append(.init(name: label, value: text))
            case .json(let member): docker.daemon.append(member)
            case .text(let size): docker.data = size
            default: break
            }
        }
        return docker
    }

    /// A mapping, however empty, says that there shall be Docker.
    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        guard case .map = node.content else {
            return SettingsDecoder.entries(node, path: key.name, type: .boolean)
        }
        var entries = [SettingsLayer.Entry(key: key.name, value: .boolean(true), position: node.position)]
        for pair in node["labels"]?.pairs ?? [] {
            entries.append(
                .init(
                    key: "docker.labels", value: .named(pair.key, text: pair.value.text ?? ""), position: pair.position)
            )
        }
        if let size = node["data"] {
            entries.append(.init(key: "docker.data", value: .text(size.text ?? ""), position: size.position))
        }
        for pair in node["daemon"]?.pairs ?? [] {
            if let why = DaemonFile.refusal(of: pair.key) {
                decoder.report(pair.position, why.message, hint: why.hint)
            }
            entries.append(
                .init(key: "docker.daemon", value: .json(.init(pair.key, pair.value.json)), position: pair.position))
        }
        return entries
    }

    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        switch entry.value {
        case .named(let label, _): .replacing("\(entry.key).\(label)")
        case .json(let member): .replacing("\(entry.key).\(member.name)")
        default: .replacing(entry.key)
        }
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard value(of: layer.entries(of: name)) != nil, let entry = layer.entry(CgroupsSetting.name),
            entry.value.boolean == false
        else { return [] }
        return [
            ProfileProblem(
                entry.position, "`cgroups: false` contradicts `docker`, whose containers need the memory cgroup",
                hint: "take one of the two out")
        ]
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard let docker = reader.settings.docker else { return }
        try reader.look(.root, daemonFile)
        for path in engines + clients + makers { try reader.look(.root, path, readingBytes: false) }
        try reader.look(atUnits: units)
        try reader.look(.root, forwardingFile)
        if let size = docker.data { try reader.look(at: DockerData.programs(size: size)) }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planDocker() }

    // MARK: The image

    static let daemonFile: VolumePath = "/etc/docker/daemon.json"
    /// Of Debian's docker.io, and of the maker's own packages.
    static let engines: [VolumePath] = ["/usr/sbin/dockerd", "/usr/bin/dockerd"]
    static let clients: [VolumePath] = ["/usr/bin/docker"]
    static let makers: [VolumePath] = ["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"]
    static let units = ["docker.service", "docker.socket", "containerd.service"]
    static let forwardingFile: VolumePath = "/etc/sysctl.d/90-piforge.conf"
    /// Packages that bring an engine.
    static let packages = ["docker.io", "docker-ce", "moby-engine"]
}

extension Settings {
    /// What the key `docker` says.
    package struct Docker: Equatable, Sendable {
        package var labels: [Label] = []
        /// In the words of truncate(1); nil: /var/lib/docker is a folder like others.
        package var data: String?
        /// Members of daemon.json, which go before ours.
        package var daemon: [JSONValue.Member] = []

        package struct Label: Equatable, Sendable {
            package var name: String
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package init() {}
    }

    /// Nil leaves Docker alone.
    package var docker: Docker? {
        get { self[DockerSetting.self] }
        set { self[DockerSetting.self] = newValue }
    }

    /// Whether an engine is there once the image has run for the first time, though the base has none.
    var bringsDocker: Bool {
        packages.contains { DockerSetting.packages.contains(String($0.prefix { $0 != "=" && $0 != ":" })) }
            || debs.contains { DockerSetting.packages.contains($0.facts.name) }
    }

    /// What Docker cannot do without.
    mutating func addNeedsOfDocker() {
        guard docker != nil else { return }
        cgroups = true
        if !groups.contains("docker") { groups.append("docker") }
    }
}

extension ProfileNode {
    /// The node as JSON: plain words for true, false, nothing and numbers are these, all else is text.
    var json: JSONValue {
        switch content {
        case .list(let items): .list(items.map(\.json))
        case .map(let pairs): .object(pairs.map { .init($0.key, $0.value.json) })
        case .scalar where isNull: .null
        case .scalar("true", true): .boolean(true)
        case .scalar("false", true): .boolean(false)
        case .scalar(let text, true) where JSONValue.isNumber(text): .number(text)
        case .scalar(let text, _): .text(text)
        }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let engineLabel = TextFormat(
        "label", pattern: "^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$", check: Validation.engineLabel)
    static let engineLabelValue = TextFormat("text", pattern: "^.*$") { text throws(Refusal) in
        guard text.utf8.count <= 4096, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Refusal("the label's value is longer than 4096 bytes, or has control characters")
        }
    }
    static let dockerData = TextFormat("size", pattern: "^[1-9][0-9]{0,6}[MG]$", check: Validation.dockerData)
}

extension Validation {
    /// A name that dockerd takes as a label's: those of its own name spaces it refuses (moby, opts/opts.go).
    package static func engineLabel(_ name: String) throws(Refusal) {
        try characters(name, of: "label", others: "._/-", hint: "board")
        guard let first = name.utf8.first, let last = name.utf8.last, name.utf8.count <= 128,
            [first, last].allSatisfy({ isLower($0) || isUpper($0) || isDigit($0) })
        else { throw Refusal("\"\(name.shortened)\" is no label", hint: "board") }
        guard name != "piforge.slot" else {
            throw Refusal("the label `piforge.slot` is set by piforge itself", hint: "choose another name")
        }
        for space in ["com.docker.", "io.docker.", "org.dockerproject."] where name.hasPrefix(space) {
            throw Refusal("labels that begin with `\(space)` are Docker's own", hint: "choose another name")
        }
    }

    /// A size of 512 MiB to 1024 GiB in the words of truncate(1).
    package static func dockerData(_ text: String) throws(Refusal) {
        let hint = "data: 8G"
        guard let unit = text.last, unit == "M" || unit == "G", let number = Int(text.dropLast()),
            String(number) == text.dropLast()
        else { throw Refusal("\"\(text.shortened)\" is no size with M or G after it", hint: hint) }
        guard (512...1_048_576).contains(unit == "M" ? number : number << 10) else {
            throw Refusal("the size \(text) is not from 512M to 1024G", hint: hint)
        }
    }
}
