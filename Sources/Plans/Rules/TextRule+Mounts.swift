extension TextRule {
    /// fstab(5) of a machine without disks: what is mounted at / and below /boot goes, and what waits for a disk; the
    /// line for the boot files, when there is one, is there once.
    static func setNetworkMounts(boot wanted: String?, in text: String) -> String {
        var lines = TextLines(text)
        let place = wanted?.words.dropFirst().first
        var isThere = false
        var kept: [TextLines.Line] = []
        for var line in lines.lines {
            let fields = line.text.words
            guard fields.count > 2, !fields[0].hasPrefix("#") else {
                kept.append(line)
                continue
            }
            if fields[1] == place, fields[2].hasPrefix("nfs"), let wanted {
                guard !isThere else { continue }
                isThere = true
                if fields != wanted.words { line.text = wanted }
                kept.append(line)
            } else if fields[1] != "/", fields[1] != "/boot", !fields[1].hasPrefix("/boot/"), !waitsForDisk(fields) {
                kept.append(line)
            }
        }
        if kept != lines.lines { lines.lines = kept }
        if let wanted, !isThere { lines.append(wanted) }
        return lines.text
    }

    /// A mount that systemd waits 90 seconds for when there is no such disk, and then stops the boot.
    private static func waitsForDisk(_ fields: [String]) -> Bool {
        let tags = ["PARTUUID=", "UUID=", "LABEL=", "PARTLABEL=", "/dev/mmcblk", "/dev/sd", "/dev/disk/"]
        guard tags.contains(where: fields[0].hasPrefix) else { return false }
        let options = fields.count > 3 ? fields[3].split(separator: ",") : []
        return !options.contains("nofail") && !options.contains("noauto")
    }
}
