import Trees

extension ImageFacts {
    /// The node that a netboot tree made here is for; nil for anything else, such as an archive that 8086 made.
    package var netbootSlot: Slot? {
        guard clusterctrlValues["type"] == "usbboot", let slot = clusterctrlValues["id"].flatMap({ Slot("p" + $0) }),
            kernelCommandLine.values(of: "nfsroot").last?.hasSuffix("/" + slot.name) == true
        else { return nil }
        return slot
    }
}

extension FactsReader {
    mutating func readNetboot() throws(PlanError) {
        try look(
            .root,
            [
                "/etc/default/raspberrypi-sys-mods", Planner.networkingDropIn, "/etc/initramfs-tools/initramfs.conf",
                "/etc/initramfs-tools/modules",
            ])
    }
}
