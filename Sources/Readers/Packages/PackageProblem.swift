/// Why packages cannot be installed in a system.
package enum PackageProblem: Equatable, Sendable {
    case architecture(PackageFacts, native: String)
    /// Two versions of one package.
    case twice(PackageFacts, PackageFacts)
    /// Nothing keeps a promise that the package needs; `present`: a version that is there and does not.
    case missing(PackageFacts, PackageAlternatives, present: PackageFacts?)
    /// The package and another one cannot be there at the same time; `field` is Conflicts or Breaks.
    case conflict(PackageFacts, field: String, PackageFacts, isInstalled: Bool)
    /// A package of the system needs what is replaced as it is now.
    case breaks(PackageFacts, needs: PackageAlternatives)
    /// dpkg of the system does not unpack it.
    case packing(PackageFacts, String)
}

extension PackageProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .architecture(let package, let native):
            "\(package.summary) is for \(package.architecture), and the image is \(native)"
        case .twice(let a, let b): "\(a.name) is there as \(a.version.text) and as \(b.version.text)"
        case .missing(let package, let needed, nil):
            "\(package.summary) needs \(needed), which neither the image nor the packages have"
        case .missing(let package, let needed, let present?):
            "\(package.summary) needs \(needed), and there is \(present.summary)"
        case .conflict(let package, let field, let other, let isInstalled):
            "\(package.summary) \(field == "Breaks" ? "breaks" : "conflicts with") \(other.summary)"
                + (isInstalled ? ", which the image has" : "")
        case .breaks(let package, let needed):
            "\(package.summary), which the image has, needs \(needed) and would no longer find it"
        case .packing(let package, let packing):
            "\(package.summary) is packed as \(packing), which the image's dpkg does not know"
        }
    }
}

extension InstalledPackages {
    /// Everything that keeps packages from being installed by dpkg, in their order; none when all is well.
    package func problems(installing new: [PackageFacts]) -> [PackageProblem] {
        var problems = new.filter { !accepts($0) }.map { PackageProblem.architecture($0, native: native) }
        for (index, package) in new.enumerated() {
            let others = new[..<index].filter { $0.name == package.name && $0.architecture == package.architecture }
            if let other = others.first(where: { $0.version != package.version }) {
                problems.append(.twice(other, package))
            }
        }
        guard problems.isEmpty else { return problems }
        let result = adding(new)
        for package in new {
            for needed in package.preDepends + package.depends where !result.satisfies(needed, of: package) {
                let present = needed.relations.lazy.flatMap { result.named($0.name) }.first
                problems.append(.missing(package, needed, present: present))
            }
        }
        return problems + conflicts(in: result, among: new) + broken(in: result)
    }

    private func accepts(_ package: PackageFacts) -> Bool {
        package.architecture == "all" || package.architecture == native || foreign.contains(package.architecture)
    }

    private func conflicts(in result: InstalledPackages, among new: [PackageFacts]) -> [PackageProblem] {
        let names = Set(new.map(\.name))
        var problems: [PackageProblem] = []
        for package in result.packages {
            for (field, list) in [("Conflicts", package.conflicts), ("Breaks", package.breaks)] {
                for relation in list.lazy.flatMap(\.relations) {
                    // Whoever provides a name may conflict with all others that do (Debian Policy, 7.6.2).
                    let hit = result.named(relation.name).first { other in
                        (other.name != package.name || other.architecture != package.architecture)
                            && (names.contains(package.name) || names.contains(other.name))
                            && other.isMeant(by: relation)
                    }
                    guard let hit else { continue }
                    problems.append(.conflict(package, field: field, hit, isInstalled: !names.contains(hit.name)))
                }
            }
        }
        return problems
    }

    /// What held for an installed package and no longer does.
    private func broken(in result: InstalledPackages) -> [PackageProblem] {
        var problems: [PackageProblem] = []
        for package in packages where result.named(package.name).contains(package) {
            for needed in package.preDepends + package.depends
            where satisfies(needed, of: package) && !result.satisfies(needed, of: package) {
                problems.append(.breaks(package, needs: needed))
            }
        }
        return problems
    }

    /// The same packages in rounds for dpkg: what must be configured before another one is unpacked, or must have made
    /// way for it, comes in a round before; in each they are sorted by name.
    package func rounds(_ new: [PackageFacts]) -> [[PackageFacts]] {
        var rest = new.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        var present = self
        var rounds: [[PackageFacts]] = []
        while !rest.isEmpty {
            let ready = rest.filter { package in
                package.preDepends.allSatisfy { present.satisfies($0, of: package) }
                    && !package.conflicts.lazy.flatMap(\.relations).contains { relation in
                        present.named(relation.name).contains { $0.name != package.name && $0.isMeant(by: relation) }
                    }
            }
            // Circles are for dpkg to judge.
            let round = ready.isEmpty ? rest : closed(ready, rest, present)
            rounds.append(round)
            present = present.adding(round)
            rest.removeAll { round.contains($0) }
        }
        return rounds
    }

    /// Those of `ready` whose dependencies are there with them, and so all are configured at the end of their round.
    private func closed(
        _ ready: [PackageFacts], _ rest: [PackageFacts], _ present: InstalledPackages
    ) -> [PackageFacts] {
        if ready.count == rest.count { return ready }
        var kept = ready
        while true {
            let result = present.adding(kept)
            let next = kept.filter { package in package.depends.allSatisfy { result.satisfies($0, of: package) } }
            if next.count == kept.count { return kept.isEmpty ? ready : kept }
            kept = next
        }
    }
}

extension PackageFacts {
    /// Whether a relation of Conflicts or Breaks means it, whatever its architecture.
    fileprivate func isMeant(by relation: PackageRelation) -> Bool {
        satisfies(relation, of: architecture, native: architecture)
    }
}
