import Trees

/// What every plan must know, whatever the settings.
extension FactsReader {
    mutating func readBoot() throws(PlanError) {
        try look(
            .boot,
            [
                "/cmdline.txt", "/cmdline.old", "/config.txt", "/ssh", "/ssh.txt", "/userconf", "/userconf.txt",
                "/custom.toml", "/firstrun.sh", "/noresize", "/noresize.txt", "/user-data", "/meta-data",
                "/rpi-preseed.toml",
            ])
        var names = facts.config.includes
        var seen: Set<String> = []
        while let name = names.popLast() {
            guard seen.insert(name).inserted, seen.count < 100, let path = VolumePath("/" + name) else { continue }
            try look(.boot, path)
            names += ConfigText(facts.configFile(name) ?? "").includes
        }
        try readKernelLines()
    }

    mutating func readSystem() throws(PlanError) {
        try look(
            .root,
            [
                "/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/boot/firmware", "/etc/machine-id",
                "/etc/hostname", "/etc/hosts", "/etc/issue", "/etc/sysctl.conf", "/etc/passwd",
                "/etc/ssh/sshd_config.d/rename_user.conf", "/etc/xdg/autostart/piwiz.desktop",
                "/etc/cloud/cloud-init.disabled", "/bin/true", "/usr/bin/true",
            ])
        try look(.root, "/usr/bin/cloud-init", readingBytes: false)
        for path in ImageFacts.raspberryPiOSPaths { try look(.root, path, readingBytes: false) }
        try look(.root, [Planner.cloudInitConfig, Planner.presetFile, Planner.forwardingFile])
        try readServer()
    }

    mutating func readClusterCTRL() throws(PlanError) {
        let tools = [
            "reconfig-clusterctrl", "reconfig-clusterhat", "clusterctrl", "ifup", "NetworkManager", "nft", "mount.nfs",
        ]
        for name in tools + ["wpa_supplicant", "dhcpcd"] {
            for folder: VolumePath in ["/usr/sbin", "/sbin"] {
                if let path = folder.appending(name) { try look(.root, path, readingBytes: false) }
            }
        }
        try look(.root, ImageFacts.sharePath)
        let templates = [
            "default-clusterctrl", "interfaces.bookworm.cnat", "interfaces.bookworm.cbridge", "interfaces.bookworm.p",
            "interfaces.trixie.cnat", "interfaces.trixie.cbridge", "interfaces.trixie.p",
            "interfaces.cnat", "interfaces.cbridge", "issue.c", "issue.p",
        ]
        for name in templates {
            if let path = ImageFacts.sharePath.appending(name) { try look(.root, path) }
        }
        try look(
            .root,
            [
                ImageFacts.defaultsPath, ImageFacts.firstbootPath, ImageFacts.initResizePath,
                "/etc/network/interfaces.d/clusterctrl", "/etc/dhcpcd.conf", "/etc/dhcp/dhclient.conf",
            ])
    }

    mutating func readUnits() throws(PlanError) {
        try list(ImageFacts.systemdPath)
        for name in facts.listings[ImageFacts.systemdPath] ?? [] {
            guard name.hasSuffix(".wants") || name.hasSuffix(".requires") else { continue }
            if let folder = ImageFacts.systemdPath.appending(name) { try list(folder) }
        }
        try look(
            atUnits: [
                "clusterctrl-init.service", "clusterctrl-composite.service", "clusterctrl-rpiboot.service",
                "serial-getty@ttyGS0.service", "getty@ttyGS0.service", "getty@tty1.service", "userconfig.service",
                "sshswitch.service", "ssh.service", "ssh.socket", "regenerate_ssh_host_keys.service",
            ] + ImageFacts.firstBootUnits)
    }

    /// What a layer of ours would lie on.
    mutating func readStock() throws(PlanError) {
        guard facts.kind == .stock else { return }
        try look(.root, StockLayer.paths + StockController.paths)
        try look(atUnits: [StockLayer.otherGadget])
    }
}
