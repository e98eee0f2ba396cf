/// What a person says of a new cluster, and the profile that follows from it.
package struct ProfileDraft: Equatable, Sendable {
    package var controller = Controller.cnat
    package var cluster = "mycluster"
    /// Host names, that of the controller first if there is one, then those of the nodes from p1 on.
    package var names: [String] = []
    package var key: Key?
    /// A crypt(5) hash.
    package var passwordHash: String?
    /// The network that the controller joins.
    package var wifi: Settings.WiFi?
    /// Whether the machines run Docker, Swarm or Kubernetes.
    package var runsContainers = true
    package var timeZone: String?
    package var locale: String?
    /// The base image, as it can be opened from the profile's folder.
    package var base: String?

    package init() {}

    /// Which slot controls the nodes.
    package enum Controller: String, CaseIterable, Sendable {
        case cnat, cbridge
        /// The profile has nodes alone.
        case none
    }

    /// A public key that may log in.
    package enum Key: Equatable, Sendable {
        /// A file, as it can be opened from the profile's folder.
        case file(String)
        /// A line of authorized_keys.
        case line(String)
    }

    package static func usualNames(with controller: Controller) -> [String] {
        (controller == .none ? [] : ["controller"]) + (1...4).map { "node\($0)" }
    }

    /// The slots with their host names, in the order of `names`.
    package var slots: [(slot: Slot, name: String)] {
        let controllers = Slot(controller.rawValue).map { [$0] } ?? []
        let nodes = (1...max(1, names.count)).map { Slot.node($0) }
        return zip(controllers + nodes, names).map { ($0, $1) }
    }

    /// Whether the profile holds what others may not read.
    package var hasSecret: Bool { passwordHash != nil || wifi?.psk != nil }
}

// MARK: - What is valid

extension ProfileDraft {
    /// Host names with commas or blanks between them, such as `hammond,oneil,carter`.
    package static func names(_ text: String, with controller: Controller) throws(Refusal) -> [String] {
        let names = text.split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init)
        let example = usualNames(with: controller).joined(separator: ",")
        let least = controller == .none ? 1 : 2
        guard names.count >= least else {
            throw Refusal(
                controller == .none
                    ? "no host name was given" : "a controller and at least one node need a name each", hint: example)
        }
        let limit = Slot.nodeRange.upperBound + least - 1
        guard names.count <= limit else {
            throw Refusal("\(names.count) names are too many, the limit is \(limit)", hint: example)
        }
        var draft = ProfileDraft()
        draft.controller = controller
        draft.names = names
        var seen: Set<String> = []
        for (slot, name) in draft.slots {
            try Validation.hostname(name, for: slot)
            guard seen.insert(name).inserted else {
                throw Refusal("the host name `\(name)` is there twice", hint: "each machine needs a name of its own")
            }
        }
        return names
    }
}

// MARK: - The profile

extension ProfileDraft {
    package var text: String {
        var lines = [
            "# A piforge profile: one cluster, one card image for each slot. All keys: piforge schema --table",
            "version: 1",
            "", "# Begins the names of the outputs.", "cluster: \(cluster)", "",
        ]
        if let base {
            lines += ["# The image to start from, relative to this file.", "base: \(Self.quoted(base))", ""]
        } else {
            lines += [
                "# The image to start from, relative to this file. Without it, give --base.",
                "# base: \(ProfileTemplate.exampleBase)", "",
            ]
        }
        lines += ["# For every slot.", "defaults:", "  ssh: true"] + login
        if runsContainers { lines += ["  # The memory cgroup, for Docker, Swarm and Kubernetes.", "  cgroups: true"] }
        if let timeZone { lines.append("  time_zone: \(timeZone)") }
        if let locale { lines.append("  locale: \(locale)") }
        lines += ["", "slots:"]
        for (slot, name) in slots {
            lines += ["  \(slot):", "    hostname: \(name)"]
            if slot.isController, let wifi { lines.append("    wifi: {\(Self.fields(of: wifi))}") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var login: [String] {
        var lines: [String] = []
        switch key {
        case .file(let path)?: lines += ["  authorized_keys_files: [\(Self.quoted(path))]"]
        case .line(let line)?: lines += ["  authorized_keys:", "    - \(Self.quoted(line))"]
        case nil: break
        }
        if let passwordHash {
            lines += ["  # Another one: piforge hash-password", "  password_hash: \(Self.quoted(passwordHash))"]
        }
        return lines
    }

    private static func fields(of wifi: Settings.WiFi) -> String {
        var fields = ["ssid: \(quoted(wifi.ssid))"]
        if let psk = wifi.psk { fields.append("psk: \(quoted(psk))") }
        if let country = wifi.country { fields.append("country: \(quoted(country))") }
        return fields.joined(separator: ", ")
    }

    /// A double-quoted scalar (YAML 1.2, section 7.3.1) of a text without control characters.
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
