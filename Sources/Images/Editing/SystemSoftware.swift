import Plans
package import Reports
package import Trees

/// What a system says of its own software: which distribution it is, and what is installed.
package struct SystemSoftware: Equatable, Sendable {
    /// `ID` of os-release(5): `debian`, `raspbian`.
    package var distribution: String?
    /// `VERSION_ID` of os-release(5): `12`.
    package var release: String?
    /// dpkg's name of the system's architecture: `armhf`, `arm64`.
    package var architecture: String?
    package var packages: [InstalledPackage]

    /// dpkg's status file of a desktop system has 4 MB.
    private static let statusLimit: Int64 = 64 << 20

    /// Reads what a system has on its root partition; a system without dpkg has no packages.
    package init(of root: any ReadableVolume) throws(ForgeError) {
        let files = ImageFiles(boot: root, root: root)
        (distribution, release, architecture, packages) = try wrapping(on: .root) {
            () throws(VolumeError) -> (String?, String?, String?, [InstalledPackage]) in
            let lines = try files.lines(.root, "/etc/os-release") ?? []
            func value(_ key: String) -> String? {
                lines.last { $0.hasPrefix(key + "=") }.map {
                    $0.dropFirst(key.count + 1).filter { $0 != "\"" && $0 != "'" }
                }
            }
            var packages: [InstalledPackage] = []
            if let place = try files.place(.root, "/var/lib/dpkg/status"), let status = try root.status(at: place),
                status.kind == .file, status.byteCount <= Self.statusLimit, let bytes = try root.fileBytes(at: place)
            {
                packages = .init(status: String(decoding: bytes, as: UTF8.self))
            }
            return (
                value("ID"), value("VERSION_ID"), try files.lines(.root, "/var/lib/dpkg/arch")?.first, packages
            )
        }
    }
}
