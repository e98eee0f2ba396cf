/// What one package says of another one: `libc6 (>= 2.28)`, `python3:any` (deb-control(5), "Depends").
package struct PackageRelation: Equatable, Sendable {
    package var name: String
    /// What stands behind the colon: `any`, or an architecture.
    package var qualifier: String?
    package var bound: Bound?

    package struct Bound: Equatable, Sendable {
        package var operation: Operation
        package var version: PackageVersion
    }

    package enum Operation: String, Sendable {
        case earlier = "<<"
        case atMost = "<="
        case exactly = "="
        case atLeast = ">="
        case later = ">>"

        /// `<` and `>` of old meant what `<=` and `>=` mean.
        init?(sign: String) {
            switch sign {
            case "<": self = .atMost
            case ">": self = .atLeast
            default: self.init(rawValue: sign)
            }
        }

        func holds(_ version: PackageVersion, _ bound: PackageVersion) -> Bool {
            switch self {
            case .earlier: version < bound
            case .atMost: version <= bound
            case .exactly: version == bound
            case .atLeast: version >= bound
            case .later: version > bound
            }
        }
    }

    /// Nil for what is none; restrictions in `[]` and `<>` are of sources and stand in no package.
    package init?(_ text: some StringProtocol) {
        let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let head = trimmed.prefix { $0 != "(" && $0 != " " }
        let parts = head.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, Self.isName(name) else { return nil }
        self.name = name
        if parts.count == 2 {
            guard Self.isName(parts[1]) else { return nil }
            qualifier = parts[1]
        }
        let rest = trimmed.dropFirst(head.count).filter { $0 != " " }
        if rest.isEmpty { return }
        guard rest.hasPrefix("("), rest.hasSuffix(")") else { return nil }
        let inside = rest.dropFirst().dropLast()
        let sign = inside.prefix { "<=>".contains($0) }
        guard let operation = Operation(sign: sign.isEmpty ? "=" : String(sign)),
            let version = PackageVersion(inside.dropFirst(sign.count))
        else { return nil }
        bound = Bound(operation: operation, version: version)
    }

    /// A package's name as dpkg takes it: two characters or more of small letters, digits and `+-.`, no sign first.
    package static func isName(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...200).contains(bytes.count), let first = bytes.first, first != 0x2B, first != 0x2D, first != 0x2E
        else {
            return false
        }
        return bytes.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                || "+-.".utf8.contains($0)
        }
    }
}

extension PackageRelation: CustomStringConvertible {
    /// As it stands in a control file.
    package var description: String {
        name + (qualifier.map { ":" + $0 } ?? "")
            + (bound.map { " (\($0.operation.rawValue) \($0.version.text))" } ?? "")
    }
}

/// Alternatives of which one is enough: `default-mta | mail-transport-agent`.
package struct PackageAlternatives: Equatable, Sendable, CustomStringConvertible {
    package var relations: [PackageRelation]

    package var description: String { relations.map(\.description).joined(separator: " | ") }

    /// All of a field, comma by comma; nil when one of them is not understood.
    package static func list(_ text: String) -> [PackageAlternatives]? {
        var list: [PackageAlternatives] = []
        for item in text.split(separator: ",") where !item.allSatisfy(\.isWhitespace) {
            var relations: [PackageRelation] = []
            for alternative in item.split(separator: "|") {
                guard let relation = PackageRelation(alternative) else { return nil }
                relations.append(relation)
            }
            list.append(PackageAlternatives(relations: relations))
        }
        return list
    }
}
