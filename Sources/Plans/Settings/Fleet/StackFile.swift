/// A compose file as `docker stack deploy` takes it on a controller: what it would refuse there, and what would keep a
/// container from starting.
///
/// The rules are those of docker/cli (cli/compose: loader, interpolation, config_schema_v3.13.json), for a machine that has neither
/// the person's files nor their environment. They are stricter than the schema where that passes what the swarm refuses.
struct StackFile {
    /// The name in the swarm.
    let name: String
    private var root: ProfileNode
    private(set) var problems: [ProfileProblem] = []

    /// What the profile gives the swarm.
    struct Surroundings {
        var networks: [String]
        var secrets: [String]
    }

    private static let topKeys = ["version", "services", "networks", "volumes", "secrets", "configs"]
    static let serviceKeys: Set<String> = [
        "build", "cap_add", "cap_drop", "cgroup_parent", "cgroupns_mode", "command", "configs", "container_name",
        "credential_spec", "depends_on", "deploy", "devices", "dns", "dns_search", "domainname", "entrypoint",
        "env_file", "environment", "expose", "external_links", "extra_hosts", "group_add", "healthcheck", "hostname",
        "image", "init", "ipc", "isolation", "labels", "links", "logging", "mac_address", "network_mode", "networks",
        "oom_score_adj", "pid", "ports", "privileged", "read_only", "restart", "secrets", "security_opt", "shm_size",
        "stdin_open", "stop_grace_period", "stop_signal", "sysctls", "tmpfs", "tty", "ulimits", "user", "userns_mode",
        "volumes", "working_dir",
    ]
    static let deployKeys: Set<String> = [
        "endpoint_mode", "labels", "mode", "placement", "replicas", "resources", "restart_policy", "rollback_config",
        "update_config",
    ]

    /// `path`: what messages call the file.
    init(_ bytes: [UInt8], name: String, path: String, in surroundings: Surroundings) {
        self.name = name
        let start = ProfilePosition(file: path, line: 1, column: 1)
        root = ProfileNode(position: start, content: .map([]))
        do throws(ProfileErrors) {
            let (node, found) = try ProfileComposer.compose(bytes, name: path)
            problems = found.map(Self.asStack)
            guard let node, case .map = node.content else {
                report(start, "a stack's file is a mapping with `services`", hint: "services: {web: {image: nginx:1}}")
                return
            }
            root = node
        } catch {
            problems = error.problems.map(Self.asStack)
            return
        }
        check(surroundings)
    }

    /// What reads YAML speaks of profiles.
    private static func asStack(_ problem: ProfileProblem) -> ProfileProblem {
        ProfileProblem(
            problem.position,
            problem.message.replacing("a profile", with: "a stack").replacing("profile", with: "file"),
            hint: problem.hint)
    }

    mutating func report(_ position: ProfilePosition, _ message: String, hint: String? = nil) {
        problems.append(ProfileProblem(position, message, hint: hint))
    }

    var services: [ProfileNode.Pair] { root["services"]?.pairs ?? [] }

    /// The names below a key at the top.
    func declared(_ key: String) -> [ProfileNode.Pair] { root[key]?.pairs ?? [] }

    // MARK: The file as a whole

    private mutating func check(_ surroundings: Surroundings) {
        for pair in root.pairs where !Self.topKeys.contains(pair.key) && !pair.key.hasPrefix("x-") {
            report(
                pair.position, "`docker stack deploy` takes no `\(pair.key.shortened)` at the top of a file",
                hint: SchemaSuggestion.nearest(to: pair.key, in: Self.topKeys).map { "did you mean `\($0)`?" }
                    ?? "take it out")
        }
        checkVersion()
        if services.isEmpty {
            report(root.position, "the stack `\(name)` has no services", hint: "services: {web: {image: nginx:1}}")
        }
        for service in services { check(service) }
        checkExternal("networks", known: surroundings.networks, others: ["host", "bridge", "none", "ingress"])
        checkExternal("secrets", known: surroundings.secrets, others: [])
        checkExternal("configs", known: [], others: [])
        for key in ["secrets", "configs"] { checkFiles(key) }
        checkVariables(root)
    }

    /// Clients before 25, such as bookworm's, take a file without a version for one of 2014.
    private mutating func checkVersion() {
        guard let version = root["version"] else {
            return report(
                root.position, "the file has no `version`, without which Docker before 25 refuses it",
                hint: "version: \"3.8\"")
        }
        let known = ["3"] + (0...9).map { "3.\($0)" }
        if !known.contains(version.text ?? "") {
            report(
                version.position, "`version` is \(version.summary), and all versions of Docker know 3.0 to 3.9",
                hint: "version: \"3.8\"")
        } else if case .scalar(_, true) = version.content {
            report(
                version.position, "`version` is a text, and this is a number",
                hint: "version: \"\(version.text ?? "")\"")
        }
    }

    /// What a stack takes for granted must be among what the profile makes.
    private mutating func checkExternal(_ key: String, known: [String], others: [String]) {
        for pair in declared(key) {
            guard let external = pair.value["external"], external.text != "false" else { continue }
            let name = external["name"]?.text ?? pair.value["name"]?.text ?? pair.key
            guard !known.contains(name), !others.contains(name) else { continue }
            report(
                pair.position, "nothing makes \(key.dropLast()) `\(name)`, which the stack `\(self.name)` expects",
                hint: key == "configs"
                    ? "give it as a file of the controller: file: /etc/…, and `files` in the profile"
                    : "swarm: {\(key): \(key == "networks" ? "[\(name)]" : "{\(name): FILE}")}")
        }
    }

    /// The person's files are not on the Pi.
    private mutating func checkFiles(_ key: String) {
        for pair in declared(key) {
            guard let file = pair.value["file"], let path = file.text, !path.hasPrefix("/") else { continue }
            report(
                file.position, "\(path.shortened) of \(key.dropLast()) `\(pair.key)` is not on the controller",
                hint: key == "secrets"
                    ? "swarm: {secrets: {\(pair.key): \(path)}}, and external: true here"
                    : "put it there with `files`, and name it from the root: /etc/…")
        }
    }

    // MARK: Variables

    /// `$NAME`, which docker replaces in every value by what its environment has: on the Pi nothing.
    private mutating func checkVariables(_ node: ProfileNode) {
        switch node.content {
        case .scalar(let text, _):
            guard text.contains("$"), let why = Self.variableProblem(in: text) else { return }
            report(
                node.position, why, hint: "write `$$` for the character itself, or the value in place of the variable")
        case .list(let items): for item in items { checkVariables(item) }
        case .map(let pairs): for pair in pairs { checkVariables(pair.value) }
        }
    }

    static func variableProblem(in text: String) -> String? {
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            rest = rest[rest.index(after: dollar)...]
            if rest.hasPrefix("$") {
                rest = rest.dropFirst()
                continue
            }
            let isBraced = rest.hasPrefix("{")
            if isBraced { rest = rest.dropFirst() }
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            guard let first = name.first, !first.isNumber else {
                return "docker does not understand a `$` in this text"
            }
            rest = rest.dropFirst(name.count)
            guard isBraced else { return "nobody sets `\(name)` on the controller, so that this would be empty" }
            guard let end = rest.firstIndex(of: "}") else { return "docker does not understand a `$` in this text" }
            let modifier = rest[..<end]
            guard modifier.hasPrefix("-") || modifier.hasPrefix(":-") else {
                return "nobody sets `\(name)` on the controller, and there is no default"
            }
            rest = rest[rest.index(after: end)...]
        }
        return nil
    }
}
