package import Plans
package import Reports
package import Trees

/// Who knows which package files `packages` stands for in a system.
package protocol PackageSource: Sendable {
    /// The files of all packages that the system on `root` lacks of `wanted`; nil where nobody knows, and the packages
    /// are there already or that may be so.
    func files(
        for wanted: [String], allowingNetwork: Bool, in root: any ReadableVolume
    ) throws(ForgeError) -> [PackageFile]?
}

extension SlotRequest {
    /// The settings with package files in the place of the packages' names; as they are where nobody looks for them.
    func resolvedSettings(in root: any ReadableVolume) throws(ForgeError) -> Settings {
        guard let packages, !settings.packages.isEmpty else { return settings }
        let files = try wrapping(as: { (error: ForgeError) in error.about(slot: slot) }) { () throws(ForgeError) in
            try packages.files(
                for: settings.packages, allowingNetwork: settings.network == true, in: root)
        }
        guard let files else { return settings }
        var result = settings
        let known = Set(settings.debs.map(\.facts.fileName))
        for var file in files where !known.contains(file.facts.fileName) {
            file.key = "packages"
            result.debs.append(file)
        }
        result.packages = []
        return result
    }
}
