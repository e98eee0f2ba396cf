package import Trees

extension ImageFacts {
    static let defaultsPath: VolumePath = "/etc/default/clusterctrl"
    static let sharePath: VolumePath = "/usr/share/clusterctrl"

    /// How far the conversion of the image is.
    package enum State: Equatable, Sendable {
        /// The first boot would make it this: `cbridge`, `cnat`, `p2`; "" when the word is missing.
        case pending(String)
        /// It is converted.
        case converted(Slot)
        /// Built, but neither pending nor converted.
        case plain
    }

    package var state: State {
        if let word = kernelCommandLine.pendingReconfigType { return .pending(word == "c" ? "cbridge" : word) }
        return slot.map(State.converted) ?? .plain
    }

    /// From /etc/default/clusterctrl; nil when that is missing or says nothing that makes sense.
    package var slot: Slot? {
        switch clusterctrlValues["type"] {
        case "c": .cbridge
        case "cnat": .cnat
        case "node": clusterctrlValues["id"].flatMap { Slot("p" + $0) }
        default: nil
        }
    }

    /// The first boot's script counts a boot as the first one when this file is missing.
    package var isConvertedBefore: Bool { exists(.root, Self.defaultsPath) }

    var clusterctrlValues: [String: String] {
        var result: [String: String] = [:]
        for line in TextLines(text(.root, Self.defaultsPath) ?? "").lines {
            if let (name, value) = TextRule.variable(line.text) { result[name.lowercased()] = value }
        }
        return result
    }

    /// The most that `missingTools` can have.
    static let toolCount = 3

    /// What a ClusterCTRL image must have and this one has not, as paths.
    package var missingTools: [String] {
        var missing: [String] = []
        for name in ["reconfig-clusterctrl", "clusterctrl"] where !existsInSbin(name) {
            missing.append("/usr/sbin/" + name)
        }
        if found(.root, Self.sharePath)?.kind != .directory { missing.append(Self.sharePath.description) }
        return missing
    }

    /// Stretch images have the predecessor.
    package var hasReconfigClusterHAT: Bool { existsInSbin("reconfig-clusterhat") }

    /// /usr/sbin or, in images before 2021, /sbin.
    package func existsInSbin(_ name: String) -> Bool {
        ["/usr/sbin", "/sbin"].contains { folder in
            VolumePath(folder)?.appending(name).map { exists(.root, $0) } ?? false
        }
    }

    /// The content of a template below /usr/share/clusterctrl; nil when this release has none of that name.
    package func template(_ name: String) -> [UInt8]? {
        Self.sharePath.appending(name).flatMap { bytes(.root, $0) }
    }

    // MARK: First boot

    package static let firstbootPath: VolumePath = "/usr/lib/raspberrypi-sys-mods/firstboot"
    static let initResizePath: VolumePath = "/usr/lib/raspi-config/init_resize.sh"

    /// The `init=` that 8086's script chains after a conversion, which grows the root partition; nil for none.
    package var firstBootInit: String? {
        if exists(.root, Self.firstbootPath) { return "init=\(Self.firstbootPath)" }
        let isUnwanted = exists(.boot, "/noresize") || exists(.boot, "/noresize.txt")
        return exists(.root, Self.initResizePath) && !isUnwanted ? "init=\(Self.initResizePath)" : nil
    }

    static let wizardLink: VolumePath = "/etc/systemd/system/multi-user.target.wants/userconfig.service"

    /// The first boot asks for a user, or takes it from userconf.txt.
    package var isUserWizardPending: Bool { found(.root, Self.wizardLink)?.own != nil }

    package var hasCloudInit: Bool { exists(.root, "/usr/bin/cloud-init") }
}
