import Trees

extension ImageFacts {
    /// The node that a netboot tree made here is for; nil for anything else, such as an archive that 8086 made.
    package var netbootSlot: Slot? {
        guard clusterctrlValues["type"] == "usbboot", let slot = clusterctrlValues["id"].flatMap({ Slot("p" + $0) }),
            kernelCommandLine.values(of: "nfsroot").last?.hasSuffix("/" + slot.name) == true
        else { return nil }
        return slot
    }

    /// What makes resize2fs_once start, as update-rc.d links it.
    var resizeScriptLinks: [VolumePath] {
        Self.runlevelFolders.flatMap { folder in
            (listings[folder] ?? []).filter { $0.hasSuffix("resize2fs_once") }.compactMap { folder.appending($0) }
        }
    }

    static let runlevelFolders: [VolumePath] = ["S", "2", "3", "4", "5"].compactMap { VolumePath("/etc/rc\($0).d") }
}

extension FactsReader {
    mutating func readNetboot() throws(PlanError) {
        try look(
            .root,
            [
                "/etc/default/raspberrypi-sys-mods", Planner.networkingDropIn, "/etc/initramfs-tools/initramfs.conf",
                "/etc/initramfs-tools/modules",
            ])
        for folder in ImageFacts.runlevelFolders { try list(folder) }
        for link in facts.resizeScriptLinks { try look(.root, link) }
    }
}
