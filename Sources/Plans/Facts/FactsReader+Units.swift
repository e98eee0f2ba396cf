import Trees

extension FactsReader {
    mutating func readUnits(_ settings: Settings) throws(PlanError) {
        try list(ImageFacts.systemdPath)
        for name in facts.listings[ImageFacts.systemdPath] ?? [] {
            guard name.hasSuffix(".wants") || name.hasSuffix(".requires") else { continue }
            if let folder = ImageFacts.systemdPath.appending(name) { try list(folder) }
        }
        let own = [
            "clusterctrl-init.service", "clusterctrl-composite.service", "clusterctrl-rpiboot.service",
            "serial-getty@ttyGS0.service", "getty@ttyGS0.service", "getty@tty1.service", "userconfig.service",
            "sshswitch.service", "ssh.service", "regenerate_ssh_host_keys.service",
        ]
        var pending = own + settings.units.enable + settings.units.disable + settings.units.mask
        var seen: Set<String> = []
        while let name = pending.popLast() {
            guard seen.insert(name).inserted, seen.count < 1000 else { continue }
            pending += try lookAtUnit(name, settings)
        }
    }

    /// Looks at the unit's files, its template's, and at every link that makes it start or could; returns the units
    /// of its `Also=`.
    private mutating func lookAtUnit(_ name: String, _ settings: Settings) throws(PlanError) -> [String] {
        for name in [name, ImageFacts.unitTemplate(name)].compactMap({ $0 }) {
            for folder in ImageFacts.unitFolders {
                if let path = folder.appending(name) { try look(.root, path) }
            }
        }
        try look(.root, facts.enablingLinks(of: name))
        let install = UnitInstall(facts.unitFile(name, among: settings.files)?.text ?? "")
        for folder in install.folders + ["multi-user.target.wants", "getty.target.wants"] {
            if let path = ImageFacts.link(of: name, in: folder) { try look(.root, path) }
        }
        for alias in install.aliases {
            if let path = ImageFacts.systemdPath.appending(alias) { try look(.root, path) }
        }
        return install.also
    }
}
