import FoundationEssentials
package import Plans

/// The question that `status` puts to each machine, and how its answer is read.
package enum MachineProbe {
    /// A script for sh(1) that only reads; each part of its output begins with a line of its own.
    package static func script(for slot: Slot) -> String {
        var script = """
            echo piforge-status 1
            for file in /boot/firmware/piforge.json /boot/piforge.json; do
            if [ -r $file ]; then echo label; cat $file; echo; break; fi
            done
            echo uptime; cat /proc/uptime
            for job in packages first-boot; do
            echo $job
            for folder in /boot/firmware /boot; do
            if [ -r $folder/piforge-$job.log ]; then grep '^piforge: ' $folder/piforge-$job.log | tail -n 1; break; fi
            done
            done
            """
        if slot.isController {
            // Not in the PATH of an ordinary user, who may need sudo for the I2C bus.
            script += """

                PATH=$PATH:/usr/sbin:/sbin
                echo power
                clusterctrl status 2>/dev/null || sudo -n clusterctrl status 2>/dev/null || :
                """
        }
        return script
    }

    /// What a machine said of itself.
    package struct Report: Equatable, Sendable {
        /// The bytes of its piforge.json; nil when it has none.
        package var label: [UInt8]?
        /// Seconds since it started.
        package var uptime: Int?
        /// How far the first boot has come with `debs` and `first_boot`, as the last such line of its log says; nil when
        /// the machine had nothing to do.
        package var packages: String?
        package var firstBoot: String?
        /// Of a controller: whether each node's USB port has power, as far as `clusterctrl status` says so.
        package var power: [Slot: Bool]
    }

    /// Nil for anything that the script does not print, such as the greeting of a login shell that ran nothing.
    package static func report(_ output: [UInt8]) -> Report? {
        let lines = output.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.elementsEqual("piforge-status 1".utf8) }) else { return nil }
        var report = Report(power: [:])
        var part = ""
        for line in lines[(start + 1)...] {
            let text = String(decoding: line, as: UTF8.self)
            switch (part, text) {
            case (_, "label"), (_, "uptime"), (_, "power"), (_, "packages"), (_, "first-boot"): part = text
            case ("packages", _): report.packages = Self.told(text) ?? report.packages
            case ("first-boot", _): report.firstBoot = Self.told(text) ?? report.firstBoot
            case ("label", _): report.label = (report.label ?? []) + line + [0x0A]
            case ("uptime", _):
                report.uptime = report.uptime ?? text.split(separator: ".").first.flatMap { Int($0) }
            case ("power", _):
                let words = text.split(separator: ":").map { $0.filter { !$0.isWhitespace } }
                guard words.count == 2, let slot = Slot(words[0]), slot.isNode else { continue }
                switch words[1] {
                case "1", "on", "True": report.power[slot] = true
                case "0", "off", "False": report.power[slot] = false
                default: break
                }
            default: break
            }
        }
        return report
    }

    private static func told(_ line: String) -> String? {
        line.hasPrefix("piforge: ") ? String(line.dropFirst("piforge: ".utf8.count)) : nil
    }
}
