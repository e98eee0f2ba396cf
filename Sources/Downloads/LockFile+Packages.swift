package import Blocks

extension LockFile {
    /// The packages that a system lacks of those that a profile names.
    package struct PackageSet: Equatable, Sendable, Codable {
        /// SHA-256 of the state of dpkg that the system has.
        package var system: String
        /// As the profile names them, sorted.
        package var wanted: [String]
        /// Sorted by name.
        package var debs: [Deb]

        /// One package file.
        package struct Deb: Equatable, Sendable, Codable {
            package var name: String
            package var version: String
            package var architecture: String
            package var bytes: Int64
            package var sha256: String

            package init(name: String, version: String, architecture: String, bytes: Int64, sha256: SHA256Digest) {
                self.name = name
                self.version = version
                self.architecture = architecture
                self.bytes = bytes
                self.sha256 = sha256.description
            }

            package var digest: SHA256Digest? { SHA256Digest(hex: sha256) }
        }

        package init(system: SHA256Digest, wanted: [String], debs: [Deb]) {
            self.system = system.description
            self.wanted = wanted.sorted()
            self.debs = debs.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        }

        var isWell: Bool {
            SHA256Digest(hex: system) != nil && debs.allSatisfy { $0.digest != nil && $0.bytes >= 0 }
        }
    }

    package func packages(of system: SHA256Digest, wanted: [String]) -> PackageSet? {
        packageSets.first { $0.system == system.description && $0.wanted == wanted.sorted() }
    }

    package mutating func set(_ packages: PackageSet) {
        packageSets.removeAll { $0.system == packages.system && $0.wanted == packages.wanted }
        packageSets.append(packages)
        packageSets.sort {
            ($0.wanted.joined(separator: " "), $0.system) < ($1.wanted.joined(separator: " "), $1.system)
        }
    }
}
