/// What a package says of itself: the control file of a .deb, or its paragraph in dpkg's status file (deb-control(5)).
package struct PackageFacts: Equatable, Sendable {
    package var name: String
    package var version: PackageVersion
    /// dpkg's name of it, `all` for any.
    package var architecture: String
    /// `same`, `foreign`, `allowed`; nil for none of them.
    package var multiArch: String?
    /// What it takes when it is unpacked, in KiB, as its maker estimated; 0 where nothing is said.
    package var installedKiB: Int64 = 0
    package var preDepends: [PackageAlternatives] = []
    package var depends: [PackageAlternatives] = []
    package var recommends: [PackageAlternatives] = []
    package var conflicts: [PackageAlternatives] = []
    package var breaks: [PackageAlternatives] = []
    package var provides: [PackageRelation] = []

    package enum DecodingError: Error, Equatable {
        /// A field that must be there and is not, or holds what it may not.
        case field(String)
    }

    /// Of the fields of one paragraph.
    package init(_ fields: ControlFields) throws(DecodingError) {
        guard let name = fields["package"], PackageRelation.isName(name) else { throw .field("Package") }
        guard let version = fields["version"].flatMap({ PackageVersion($0) }) else { throw .field("Version") }
        guard let architecture = fields["architecture"], PackageRelation.isName(architecture) else {
            throw .field("Architecture")
        }
        self.name = name
        self.version = version
        self.architecture = architecture
        multiArch = fields["multi-arch"].flatMap { $0 == "no" ? nil : $0 }
        installedKiB = fields["installed-size"].flatMap { Int64($0) }.map { min(max(0, $0), 1 << 32) } ?? 0
        preDepends = try Self.list("Pre-Depends", fields)
        depends = try Self.list("Depends", fields)
        recommends = try Self.list("Recommends", fields)
        conflicts = try Self.list("Conflicts", fields)
        breaks = try Self.list("Breaks", fields)
        provides = try Self.list("Provides", fields).flatMap(\.relations)
    }

    private static func list(
        _ field: String, _ fields: ControlFields
    ) throws(DecodingError) -> [PackageAlternatives] {
        guard let text = fields[field.lowercased()] else { return [] }
        guard let list = PackageAlternatives.list(text) else { throw .field(field) }
        return list
    }

    /// `NAME_VERSION_ARCHITECTURE.deb`, as apt calls it in its cache.
    package var fileName: String {
        "\(name)_\(version.text.split(separator: ":", omittingEmptySubsequences: false).joined(separator: "%3a"))_\(architecture).deb"
    }

    /// `docker.io 20.10.24+dfsg1-1`
    package var summary: String { "\(name) \(version.text)" }

    /// Whether it keeps the promise of a relation that a package of architecture `dependent` has: by its name or by what
    /// it provides. `native` is the image's architecture, which packages for all count as.
    package func satisfies(_ relation: PackageRelation, of dependent: String, native: String) -> Bool {
        let own = architecture == "all" ? native : architecture
        let their = dependent == "all" ? native : dependent
        let isFit =
            switch relation.qualifier {
            case nil: own == their || multiArch == "foreign"
            case "any": own == their || multiArch == "allowed" || multiArch == "foreign"
            case let named?: own == (named == "native" ? native : named)
            }
        guard isFit else { return false }
        if relation.name == name { return relation.bound.map { $0.operation.holds(version, $0.version) } ?? true }
        return provides.contains { provided in
            guard provided.name == relation.name else { return false }
            guard let bound = relation.bound else { return true }
            // Without a version of its own what is provided keeps no promise of one.
            return provided.bound.map { bound.operation.holds($0.version, bound.version) } ?? false
        }
    }
}
