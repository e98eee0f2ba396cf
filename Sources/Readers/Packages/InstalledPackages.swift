/// What dpkg has installed in a system: its status file and its architectures.
package struct InstalledPackages: Equatable, Sendable {
    /// The architecture of dpkg itself.
    package var native: String
    /// Others whose packages dpkg takes.
    package var foreign: [String]
    /// Sorted by name.
    package private(set) var packages: [PackageFacts]
    private var byName: [String: [Int]] = [:]

    /// States in which a package's files are there (dpkg(1)); what is not configured yet will be.
    private static let present: Set<String> = [
        "installed", "triggers-pending", "triggers-awaited", "unpacked", "half-configured",
    ]
    private static let fields: Set<String> = [
        "package", "status", "version", "architecture", "multi-arch", "pre-depends", "depends", "conflicts", "breaks",
        "provides", "recommends",
    ]

    /// `architectures`: the lines of /var/lib/dpkg/arch, which is there when others were added, the own one first. A
    /// paragraph that makes no sense is left out. Nil where nothing is installed.
    package init?(status: [UInt8], architectures: [String] = []) {
        var packages: [PackageFacts] = []
        ControlFields.forEach(in: status, names: Self.fields) { fields in
            guard let state = fields["status"]?.split(separator: " ").last, Self.present.contains(String(state)),
                let package = try? PackageFacts(fields)
            else { return }
            packages.append(package)
        }
        let own = packages.first { $0.name == "dpkg" } ?? packages.first { $0.architecture != "all" }
        guard let native = own?.architecture else { return nil }
        self.native = native
        foreign = architectures.filter { $0 != native && !$0.isEmpty }
        self.packages = packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        index()
    }

    package func named(_ name: String) -> [PackageFacts] { (byName[name] ?? []).map { packages[$0] } }

    /// What is there once others were installed, each of which takes the place of its earlier version.
    package func adding(_ new: [PackageFacts]) -> InstalledPackages {
        var result = self
        let replaced = Set(new.map { $0.name + ":" + ($0.architecture == "all" ? native : $0.architecture) })
        result.packages.removeAll {
            replaced.contains($0.name + ":" + ($0.architecture == "all" ? native : $0.architecture))
        }
        result.packages += new
        result.packages.sort { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        result.index()
        return result
    }

    private mutating func index() {
        byName = Dictionary(grouping: packages.indices, by: { packages[$0].name })
        for index in packages.indices {
            for provided in packages[index].provides where provided.name != packages[index].name {
                byName[provided.name, default: []].append(index)
            }
        }
    }

    /// Those that keep the promise of a relation of a package with architecture `dependent`.
    package func satisfying(_ relation: PackageRelation, of dependent: String) -> [PackageFacts] {
        named(relation.name).filter { $0.satisfies(relation, of: dependent, native: native) }
    }

    package func satisfies(_ alternatives: PackageAlternatives, of package: PackageFacts) -> Bool {
        alternatives.relations.contains { !satisfying($0, of: package.architecture).isEmpty }
    }
}
