import Trees

extension ImageFacts {
    /// The node that a netboot tree made here is for; nil for anything else, such as an archive that 8086 made.
    package var netbootSlot: Slot? {
        guard clusterctrlValues["type"] == "usbboot", let slot = clusterctrlValues["id"].flatMap({ Slot("p" + $0) }),
            kernelCommandLine.values(of: "nfsroot").last?.hasSuffix("/" + slot.name) == true
        else { return nil }
        return slot
    }

    /// What of a system that ran tells it from others, besides /etc/machine-id and the ssh host keys.
    var identityFiles: [VolumePath] {
        let single: [VolumePath] = ["/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed"]
        let leases = Self.leaseFolders.flatMap { folder in
            (listings[folder] ?? []).filter { $0.contains(".lease") }.compactMap { folder.appending($0) }
        }
        return (single + leases).filter { found(.root, $0)?.own?.kind == .file }
    }

    static let leaseFolders: [VolumePath] = ["/var/lib/dhcp", "/var/lib/dhcpcd5", "/var/lib/dhcpcd"]
}

extension FactsReader {
    mutating func readNetboot() throws(PlanError) {
        try look(
            .root,
            [
                "/etc/default/raspberrypi-sys-mods", Planner.networkingDropIn, "/etc/initramfs-tools/initramfs.conf",
                "/etc/initramfs-tools/modules",
            ])
        try look(.root, "/var/lib/dbus/machine-id", readingBytes: false)
        try look(.root, "/var/lib/systemd/random-seed", readingBytes: false)
        for folder in ImageFacts.leaseFolders {
            try list(folder)
            for name in facts.listings[folder] ?? [] where name.contains(".lease") {
                if let path = folder.appending(name) { try look(.root, path, readingBytes: false) }
            }
        }
    }
}
