import Payload
import Trees

/// Programs and units of ours that run on the Pi.
extension Planner {
    /// Puts programs where they belong; a unit gets the links that `systemctl enable` would make for it.
    mutating func install(_ programs: [PiProgram], reason: String) throws(PlanError) {
        for program in programs {
            try put(program.place, text: program.text, mode: program.mode, reason: reason)
            for link in program.links {
                try put(link, .symlink(program.place.description), .init(mode: 0o777), reason: reason)
            }
        }
    }
}

extension FactsReader {
    mutating func look(at programs: [PiProgram]) throws(PlanError) {
        for program in programs { try look(.root, [program.place] + program.links) }
    }
}

extension PiProgram {
    var place: VolumePath { VolumePath("/" + path) ?? .root }

    /// Below /etc/systemd/system, one for each target and unit that wants it.
    fileprivate var links: [VolumePath] {
        guard place.parent == ImageFacts.systemdPath, let name = place.name else { return [] }
        return UnitInstall(text).folders.compactMap { ImageFacts.link(of: name, in: $0) }
    }
}
