package import Trees

extension ImageFacts {
    /// Whether the first boots of the system on two volumes make its root partition and file system fill the card.
    ///
    /// Throws only when a volume is damaged or cannot be read; what is not understood does not grow.
    package static func growsRoot(boot: any ReadableVolume, root: any ReadableVolume) throws(VolumeError) -> Bool {
        let facts: ImageFacts
        do throws(PlanError) {
            facts = try read(boot: boot, root: root)
        } catch {
            if case .unreadable(_, let cause) = error, cause.isDamage { throw cause }
            return false
        }
        return try facts.growsRoot(ImageFiles(boot: boot, root: root))
    }

    private func growsRoot(_ files: ImageFiles) throws(VolumeError) -> Bool {
        if case .pending(let word) = state, Slot(word) == nil { return false }
        if runsFirstboot { return true }
        if initAfterConversion?.hasSuffix("/raspi-config/init_resize.sh") == true {
            return try files.hasResizeScript()
        }
        guard kernelCommandLine.contains("resize") else { return false }
        return try files.isFirstBootForSystemd()
    }

    /// Units that trixie runs at the first start alone: what makes host keys, and what grows the root file system.
    static let firstBootUnits = ["sshd-keygen.service", "rpi-resize.service"]

    /// What `init=` names after a pending conversion; nil for systemd.
    package var initAfterConversion: String? {
        if case .pending = state {
            return isConvertedBefore ? nil : firstBootInit.map { String($0.dropFirst("init=".utf8.count)) }
        }
        return kernelCommandLine.values(of: "init").last
    }

    /// Whether firstboot of raspberrypi-sys-mods runs, now or after a conversion, and applies custom.toml.
    package var runsFirstboot: Bool {
        initAfterConversion?.hasSuffix("/raspberrypi-sys-mods/firstboot") == true
    }
}

extension ImageFiles {
    /// Whether systemd takes the next start for the first, as machine-id(5) has it: there is no file, or the word
    /// `uninitialized` in it.
    package func isFirstBootForSystemd() throws(VolumeError) -> Bool {
        let id = try lines(.root, "/etc/machine-id")
        return id == nil || id?.first == "uninitialized"
    }

    /// Whether resize2fs_once, which makes the root file system fill its partition, is there and starts.
    package func hasResizeScript() throws(VolumeError) -> Bool {
        for folder: VolumePath in ["/etc/rc2.d", "/etc/rc3.d", "/etc/rcS.d"]
        where try names(.root, folder).contains(where: { $0.hasPrefix("S") && $0.hasSuffix("resize2fs_once") }) {
            return try exists(.root, "/etc/init.d/resize2fs_once")
        }
        return false
    }
}
