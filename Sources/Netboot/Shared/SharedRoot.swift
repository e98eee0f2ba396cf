package import Plans
import Reports

/// A root that several nodes share, a folder beside their own parts.
///
/// Outputs and images have one, called `shared`. On a running controller each has a name of its own, so that a new one
/// can be there before the last node leaves the old one.
package struct SharedRoot: Hashable, Sendable {
    /// The folder's name.
    package let name: String

    package static let only = SharedRoot(uncheckedName: "shared")

    /// One with a random number, so that none of its name is there.
    package static func fresh() -> SharedRoot {
        SharedRoot(uncheckedName: prefix + String(UInt32.random(in: numbers), radix: 16))
    }

    private static let prefix = "shared-"
    /// A number of eight digits.
    private static let numbers: ClosedRange<UInt32> = 0x1000_0000...UInt32.max

    private init(uncheckedName name: String) { self.name = name }

    /// Nil for what is no name of a shared root: `shared`, or `shared-` and eight hexadecimal digits.
    package init?(name: String) {
        let number = UInt32(name.dropFirst(Self.prefix.count), radix: 16) ?? 0
        let isNumbered = Self.numbers.contains(number) && name == Self.prefix + String(number, radix: 16)
        guard name == Self.only.name || isNumbered else { return nil }
        self.name = name
    }

    /// The one that a kernel line names; nil for a node with a root of its own, or with one that lies elsewhere.
    package init?(of line: KernelCommandLine) {
        guard let path = line.values(of: Self.word).last?.prefix(while: { $0 != "," }) else { return nil }
        self.init(name: path.fileName)
        guard self.path == path else { return nil }
    }

    private static let word = "netboot.lower"

    /// Where the controller keeps it.
    package var path: String { "\(NodeTreeFolder.all)/\(name)" }

    /// The line of the controller's /etc/exports; each node's own is there already.
    package var exportLine: String { "\(path) \(ClusterNetwork.boot.all)(ro,sync,no_subtree_check,no_root_squash)" }

    /// What the kernel line says besides the words of a node with a root of its own.
    func kernelArguments(_ upper: SharedLayout.Upper) -> [String] {
        ["\(Self.word)=\(path)", "netboot.upper=\(upper.word)"]
    }
}
