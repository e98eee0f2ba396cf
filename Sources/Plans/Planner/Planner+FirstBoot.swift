import Trees

/// What a base brings that would undo the profile later.
extension Planner {
    static let cloudInitConfig: VolumePath = "/etc/cloud/cloud.cfg.d/99_zz-piforge.cfg"
    static let presetFile: VolumePath = "/etc/systemd/system-preset/10-piforge.preset"

    /// Things of the base that run on the first boot, after all that is done here.
    mutating func planFirstBoot() throws(PlanError) {
        for name in ["custom.toml", "rpi-preseed.toml"] {
            guard let path = VolumePath("/" + name), facts.exists(.boot, path), !bringsBootFile(name) else { continue }
            try remove(on: .boot, path, reason: "it would set the base's name and user again")
            warn("the base's \(name) is removed: it would undo the profile on the first boot")
        }
        if hasImagerScript {
            try remove(on: .boot, "/firstrun.sh", reason: "it would set the base's name and user again")
            warn("the base's firstrun.sh is removed: it would undo the profile on the first boot")
        }
        if facts.hasCloudInit { try planCloudInit() }
        try planFirstStart()
    }

    /// Off, unless the profile brings what it shall do. Then it must not do more than that: with no word of its own it locks
    /// the password of the user pi, or makes a second one (cloud-init, distros/__init__.py), and names the host.
    private mutating func planCloudInit() throws(PlanError) {
        guard bringsBootFile("user-data") else {
            return try put(
                "/etc/cloud/cloud-init.disabled", text: "", reason: "cloud-init would set hostname and hosts again")
        }
        let reason = "cloud-init does what user-data says and nothing else"
        try remove("/etc/cloud/cloud-init.disabled", reason: reason)
        try put(
            Self.cloudInitConfig,
            text: "# Made by piforge: what the image has been given stays.\n"
                + "users: []\npreserve_hostname: true\nmanage_etc_hosts: false\nssh_deletekeys: false\n",
            reason: reason)
        if !bringsBootFile("meta-data") {
            try put(
                on: .boot, "/meta-data", text: "dsmode: local\ninstance-id: piforge-\(hostname ?? slot.name)\n",
                reason: reason)
        }
    }

    /// From trixie on host keys are made and the root file system grows when systemd takes a start for the first one, by this
    /// word (machine-id(5)): an empty file would leave the machine without both.
    private mutating func planFirstStart() throws(PlanError) {
        guard release >= .trixie, !isFinished, let id = facts.text(.root, KeepIdentitySetting.machineID),
            id.trimmingLines.isEmpty
        else { return }
        try rewrite(
            KeepIdentitySetting.machineID, [Self.firstStart],
            reason: "the first start makes host keys and grows the root")
    }

    /// Makes systemd take the next start for the first.
    static let firstStart = TextRule.setLine(.init(prefix: ""), to: "uninitialized", whenMissing: .append)

    /// At a first start systemd turns on whatever no preset tells it not to (systemd.preset(5)): what was turned off here would
    /// be on again.
    mutating func planPresets() throws(PlanError) {
        guard release >= .trixie else { return }
        let links = draft.edits.values.compactMap { edit -> String? in
            guard case .put(let node) = edit.action, node.kind == .symlink,
                edit.target.path.parent.name?.hasSuffix(".wants") == true
            else { return nil }
            return edit.target.path.name
        }
        // What an earlier build turned off has no link any more that would tell.
        let before = TextLines(facts.text(.root, Self.presetFile) ?? "").lines.compactMap { line -> String? in
            let words = line.text.words
            return words.count == 2 && words[0] == "disable" ? words[1] : nil
        }
        let off = unitsOff.union(before).subtracting(links).filter { facts.unitFile($0) != nil && !$0.contains("@") }
        if !off.isEmpty {
            try put(
                Self.presetFile, text: off.sorted().map { "disable \($0)\n" }.joined(),
                reason: "the first start turns on what no preset keeps off")
        } else if facts.found(.root, Self.presetFile)?.own != nil {
            try remove(Self.presetFile, reason: "nothing is turned off any more")
        }
    }
}
