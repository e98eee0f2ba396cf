import Trees

/// The user's files, and what a base brings that would undo the profile later.
extension Planner {
    mutating func planFiles() throws(PlanError) {
        for file in settings.files {
            let reason = "file of the profile"
            let metadata = Node.Metadata(mode: file.mode, owner: file.owner, group: file.group)
            switch file.target.partition {
            case .boot: try checkBoot(file)
            case .root:
                let mount = facts.bootMount
                if file.target.path == mount || file.target.path.isBelow(mount) {
                    throw .hiddenByBoot(file.target, mount: mount.description)
                }
            }
            let content: Node.Content =
                switch file.content {
                case .file(let bytes): .file(bytes)
                case .directory: .directory
                case .symlink(let text): .symlink(text)
                }
            try put(
                on: file.target.partition, file.target.path, content, metadata, reason: reason, isSecret: file.isSecret)
        }
    }

    /// FAT has neither owners nor modes; the modes that any file may have are taken as "whatever".
    private func checkBoot(_ file: Settings.FileCopy) throws(PlanError) {
        if case .symlink = file.content { throw .bootCannotHold(file.target, what: "symbolic link") }
        if file.owner != 0 || file.group != 0 { throw .bootCannotHold(file.target, what: "owner") }
        let isUsual = file.content == .directory ? file.mode == 0o755 : [0o644, 0o755].contains(file.mode)
        if !isUsual { throw .bootCannotHold(file.target, what: "mode") }
    }

    /// Things of the base that run on the first boot, after all that is done here.
    mutating func planFirstBoot() throws(PlanError) {
        if facts.exists(.boot, "/custom.toml"), !bringsBootFile("custom.toml") {
            try remove(on: .boot, "/custom.toml", reason: "it would set the base's name and user again")
            warn("the base's custom.toml is removed: it would undo the profile on the first boot")
        }
        if hasImagerScript {
            try remove(on: .boot, "/firstrun.sh", reason: "it would set the base's name and user again")
            warn("the base's firstrun.sh is removed: it would undo the profile on the first boot")
        }
        if facts.hasCloudInit, !bringsBootFile("user-data") {
            try put(
                "/etc/cloud/cloud-init.disabled", text: "", reason: "cloud-init would set hostname and hosts again")
        }
        if facts.wasBooted, medium == .card {
            warn("the base has been booted: all slots made from it share its machine id and ssh host keys")
        }
    }
}
