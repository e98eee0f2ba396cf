import Plans
import Readers
import Trees

/// Whether Docker starts, and leaves the cluster's own traffic alone: judged as systemd, dockerd and systemd-sysctl do.
extension EffectJudge {
    mutating func judgeDocker() throws(VolumeError) {
        guard settings.docker != nil else { return }
        let unit = "docker.service"
        if let mask = try reader.mask(of: unit) {
            refuse("docker", .dockerNotStarted, "\(unit) is masked (\(mask))", hint: Self.unmasking(unit, mask))
        }
        try judgeDaemonFile()
        if slot == .cbridge { try judgeForwarding() }
    }

    /// What both the file and an option say ends dockerd.
    private mutating func judgeDaemonFile() throws(VolumeError) {
        let path: VolumePath = "/etc/docker/daemon.json"
        let members = try reader.source.bytes(.root, path).flatMap { JSONValue($0) }?.members ?? []
        let options = try engineCommandLine().members
        guard let member = members.first(where: { options[$0.name] != nil }), let line = options[member.name] else {
            return
        }
        refuse(
            "docker", .dockerRefusesConfiguration,
            "dockerd does not start, as both \(path) and \(line.origin) say `\(member.name)` (\(line.text))",
            hint: "remove that option from the base")
    }

    private func engineCommandLine() throws(VolumeError) -> EngineCommandLine {
        func lines(_ path: VolumePath) throws(VolumeError) -> [EngineCommandLine.Line] {
            try (reader.source.lines(.root, path) ?? []).enumerated().map { index, text in
                .init(text, at: .init(path: path.description, line: index + 1))
            }
        }
        var unit: [EngineCommandLine.Line] = []
        for folder: VolumePath in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            guard let path = folder.appending("docker.service"), try reader.source.exists(.root, path) else { continue }
            unit = try lines(path)
            break
        }
        let dropIns: VolumePath = "/etc/systemd/system/docker.service.d"
        for name in try reader.source.names(.root, dropIns) where name.hasSuffix(".conf") {
            if let path = dropIns.appending(name) { unit += try lines(path) }
        }
        return EngineCommandLine(unit: unit, defaults: try lines("/etc/default/docker"))
    }

    /// Of all files the last value counts, in the order of their names (sysctl.d(5)); 99-sysctl.conf is /etc/sysctl.conf.
    private mutating func judgeForwarding() throws(VolumeError) {
        var files: [String: VolumePath] = [:]
        for folder: VolumePath in ["/usr/lib/sysctl.d", "/etc/sysctl.d"] {
            for name in try reader.source.names(.root, folder) where name.hasSuffix(".conf") {
                files[name] = folder.appending(name)
            }
        }
        var last: (place: String, value: String)?
        for (_, path) in files.sorted(by: { $0.key < $1.key }) {
            for (index, line) in try lines(path).enumerated() {
                let text = line.filter { $0 != " " && $0 != "\t" }
                let names = ["net.ipv4.ip_forward=", "net/ipv4/ip_forward="]
                guard let name = names.first(where: { text.hasPrefix($0) }) else { continue }
                last = ("\(path):\(index + 1)", String(text.dropFirst(name.utf8.count).prefix { $0 != "#" }))
            }
        }
        guard let last, last.value != "1" else { return }
        refuse(
            "docker", .dockerCutsBridge,
            "\(last.place) turns forwarding off, so that dockerd turns it on and drops the nodes' frames",
            hint: "remove that line from the base")
    }
}
