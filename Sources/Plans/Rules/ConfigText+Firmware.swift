/// Firmware with all that it can do, and the cut-down one that fits into 16 MiB (boot_folder.adoc).
extension ConfigText {
    private static let fullFiles: Set<String> = [
        "start.elf", "start_x.elf", "start_db.elf", "start4.elf", "start4x.elf", "start4db.elf", "fixup.dat",
        "fixup_x.dat", "fixup_db.dat", "fixup4.dat", "fixup4x.dat", "fixup4db.dat",
    ]

    /// Does to each line that asks for full firmware on one of the boards what raspi-config does when it turns the camera
    /// off: `start_x=0`, and `#` before other ways to ask. Files of other names are left alone.
    package mutating func turnFullFirmwareOff(for boards: [Board]) {
        let off = Self.line(key: "start_x", value: "0")
        var asking = fullFirmwareLines(for: boards).makeIterator()
        var next = asking.next()
        let old = lines.lines
        lines.lines = []
        for (index, line) in old.enumerated() {
            lines.lines.append(line)
            guard let (_, key, _) = next, next?.index == index else { continue }
            next = asking.next()
            if key == "start_x" {
                lines.lines[lines.lines.count - 1].text = off
            } else {
                lines.lines[lines.lines.count - 1].text = "#" + line.text
                if key != "fixup_file" { lines.append(off) }
            }
        }
    }

    /// The lines that ask for it.
    package func fullFirmwareSettings(for boards: [Board]) -> [Entry] {
        fullFirmwareLines(for: boards).map { Entry(key: $0.key, value: $0.value) }
    }

    private func fullFirmwareLines(for boards: [Board]) -> [(index: Int, key: String, value: String)] {
        parsed().enumerated().compactMap { index, element in
            guard case .entry(let key, let written) = element.line, boards.contains(where: element.filter.matches)
            else {
                return nil
            }
            let value = Self.withoutRemark(written)
            switch key {
            case "start_x", "start_debug": return value == "1" ? (index, key, value) : nil
            case "start_file", "fixup_file": return Self.fullFiles.contains(value) ? (index, key, value) : nil
            default: return nil
            }
        }
    }
}
