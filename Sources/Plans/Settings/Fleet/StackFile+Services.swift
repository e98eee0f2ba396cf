import Trees

/// One service of a stack.
extension StackFile {
    mutating func check(_ service: ProfileNode.Pair) {
        guard case .map(let pairs) = service.value.content else {
            return report(
                service.position, "the service `\(service.key.shortened)` is a mapping",
                hint: "\(service.key): {image: …}")
        }
        checkName(service)
        for pair in pairs where !Self.serviceKeys.contains(pair.key) && !pair.key.hasPrefix("x-") {
            report(
                pair.position, "`docker stack deploy` takes no `\(pair.key.shortened)` in a service",
                hint: SchemaSuggestion.nearest(to: pair.key, in: Array(Self.serviceKeys).sorted()).map {
                    "did you mean `\($0)`?"
                } ?? "limits are in deploy: {resources: {limits: {…}}}")
        }
        for pair in service.value["deploy"]?.pairs ?? [] where !Self.deployKeys.contains(pair.key) {
            report(
                pair.position, "`docker stack deploy` takes no `\(pair.key.shortened)` in `deploy`",
                hint: SchemaSuggestion.nearest(to: pair.key, in: Self.deployKeys.sorted()).map {
                    "did you mean `\($0)`?"
                } ?? "take it out")
        }
        if (service.value["image"]?.text ?? "").isEmpty {
            report(
                service.position, "the service `\(service.key)` has no `image`, and a swarm builds none",
                hint: "image: nginx:1")
        }
        checkUses(service)
        checkVolumes(service)
        let files = service.value["env_file"]
        for file in files.map({ $0.items.isEmpty ? [$0] : $0.items }) ?? [] {
            guard let path = file.text, !path.hasPrefix("/") else { continue }
            report(
                file.position, "\(path.shortened) is not on the controller",
                hint: "put it there with `files`, and name it from the root: /etc/…")
        }
    }

    private mutating func checkName(_ service: ProfileNode.Pair) {
        let whole = "\(name)_\(service.key)"
        let isRight = service.key.utf8.allSatisfy {
            Validation.isLower($0) || Validation.isUpper($0)
                || Validation.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        if !isRight || service.key.isEmpty || service.key.hasSuffix("-") || service.key.hasSuffix("_") {
            report(
                service.position, "`\(service.key.shortened)` is no name of a service", hint: "letters, digits, - and _"
            )
        } else if whole.utf8.count > 63 {
            report(
                service.position, "the name \(whole.shortened) has more than 63 characters",
                hint: "choose a shorter one")
        }
    }

    /// What a service uses must be declared at the top.
    private mutating func checkUses(_ service: ProfileNode.Pair) {
        for key in ["networks", "secrets", "configs"] {
            let names = Set(declared(key).map(\.key))
            guard let used = service.value[key] else { continue }
            var uses = used.pairs.map { ($0.key, $0.position) }
            for item in used.items {
                if let name = item.text ?? item["source"]?.text { uses.append((name, item.position)) }
            }
            for (name, position) in uses where !names.contains(name) && !(key == "networks" && name == "default") {
                report(
                    position,
                    "the service `\(service.key)` uses \(key.dropLast()) `\(name.shortened)`, which is not declared",
                    hint: "at the top: \(key): {\(name): {external: true}}")
            }
        }
    }

    /// A folder or file of the machine that a container sees.
    private func mount(_ node: ProfileNode) -> (type: String, source: String, position: ProfilePosition)? {
        if let text = node.text {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count > 1, let source = parts.first else { return nil }
            let isPath = source.hasPrefix("/") || source.hasPrefix(".") || source.hasPrefix("~")
            return (isPath ? "bind" : "volume", source, node.position)
        }
        guard let type = node["type"]?.text, let source = node["source"] else { return nil }
        return (type, source.text ?? "", source.position)
    }

    private mutating func checkVolumes(_ service: ProfileNode.Pair) {
        let names = Set(declared("volumes").map(\.key))
        for mount in (service.value["volumes"]?.items ?? []).compactMap(mount) {
            if mount.type == "bind", !mount.source.hasPrefix("/") {
                report(
                    mount.position, "\(mount.source.shortened) is not on the Pi",
                    hint: "put it there with `files`, and name it from the root: /srv/…; or use a volume")
            } else if mount.type == "volume", !names.contains(mount.source) {
                report(
                    mount.position,
                    "the service `\(service.key)` uses volume `\(mount.source.shortened)`, which is not declared",
                    hint: "at the top: volumes: {\(mount.source): {}}")
            }
        }
    }

    /// Folders that the running system fills.
    private static let volatileFolders = ["/dev", "/proc", "/run", "/sys", "/tmp", "/var/run"]

    /// The folders and files that containers on the controller get, by the services that run nowhere else.
    var pathsOnController: [(service: String, path: String)] {
        services.flatMap { service -> [(String, String)] in
            let constraints = service.value["deploy"]?["placement"]?["constraints"]?.items ?? []
            guard constraints.contains(where: { $0.text?.filter({ $0 != " " }) == "node.role==manager" }) else {
                return []
            }
            return (service.value["volumes"]?.items ?? []).compactMap(mount).filter { mount in
                mount.type == "bind" && mount.source.hasPrefix("/")
                    && !Self.volatileFolders.contains { mount.source == $0 || mount.source.hasPrefix($0 + "/") }
            }.map {
                (service.key, $0.source)
            }
        }
    }
}

extension Settings.SwarmManager {
    /// What containers on the controller get of its own files.
    var mounts: [(service: String, path: VolumePath)] {
        let surroundings = StackFile.Surroundings(networks: networks, secrets: secrets.map(\.name))
        return stacks.flatMap { stack in
            StackFile(stack.bytes, name: stack.name, path: stack.path, in: surroundings).pathsOnController.compactMap {
                let service = "\(stack.name)_\($0.service)"
                return VolumePath($0.path).map { (service, $0) }
            }
        }
    }
}
