/// An absolute path inside a volume, as its components; the root has none.
///
/// A component is never empty, `.` or `..`, and holds no `/` and no NUL, so a path cannot leave its volume. Paths are
/// compared by their bytes, as `FileName` says.
package struct VolumePath: Sendable {
    package let components: [String]

    package static let root = VolumePath(unchecked: [])

    private init(unchecked components: [String]) { self.components = components }

    /// Nil when a component is not allowed.
    package init?(components: [String]) {
        for name in components where !Self.isAllowed(name) { return nil }
        self.init(unchecked: components)
    }

    /// Nil when `text` does not begin with `/` or holds `..`; `.` and doubled slashes are dropped.
    package init?(_ text: String) {
        guard text.isAbsolutePath else { return nil }
        self.init(components: text.pathComponents.filter { $0 != "." })
    }

    package var name: String? { components.last }
    package var isRoot: Bool { components.isEmpty }

    /// The folder that holds this path; the root is its own parent.
    package var parent: VolumePath { VolumePath(unchecked: components.dropLast()) }

    /// Every folder above this path, the outermost first, without the root.
    package var ancestors: [VolumePath] {
        guard components.count > 1 else { return [] }
        return (1..<components.count).map { VolumePath(unchecked: Array(components.prefix($0))) }
    }

    /// Nil when `name` is not allowed as a component.
    package func appending(_ name: String) -> VolumePath? {
        Self.isAllowed(name) ? VolumePath(unchecked: components + [name]) : nil
    }

    package func isBelow(_ other: VolumePath) -> Bool {
        components.count > other.components.count
            && components.starts(with: other.components) { FileName($0) == FileName($1) }
    }

    private static func isAllowed(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(where: { $0 == 0x2F || $0 == 0 })
    }
}

extension VolumePath: CustomStringConvertible {
    package var description: String { "/" + components.joined(separator: "/") }
}

extension VolumePath: Hashable {
    package static func == (a: VolumePath, b: VolumePath) -> Bool {
        a.components.elementsEqual(b.components) { FileName($0) == FileName($1) }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(components.count)
        for name in components { FileName(name).hash(into: &hasher) }
    }
}

extension VolumePath: Comparable {
    package static func < (a: VolumePath, b: VolumePath) -> Bool {
        a.components.lexicographicallyPrecedes(b.components) { FileName($0) < FileName($1) }
    }
}

extension VolumePath: ExpressibleByStringLiteral {
    /// For literals in the source only: `"/etc/hostname"`. Anything after a disallowed component is dropped.
    package init(stringLiteral text: String) {
        self.init(unchecked: text.pathComponents.filter(Self.isAllowed))
    }
}
