/// One way in which a disk is in use: the devices on the way, and what is at its end.
///
/// ```
///   sda2 -> md0 -> dm-1 -> mounted at /
/// ```
package struct DiskUse: Equatable, Sendable {
    /// The kernel's names, from the disk or its partition to the device that is used.
    package var chain: [String]
    /// What the device mapper or a loop device calls them, by kernel's name.
    package var labels: [String: String]
    package var purpose: Purpose

    package enum Purpose: Equatable, Sendable {
        case mounted(at: String)
        case swap
        /// A device of a mounted file system that has several; its UUID.
        case member(of: String)
        /// The last device of the chain is set up, although nothing is mounted from it.
        case held
    }

    package init(chain: [String], labels: [String: String] = [:], purpose: Purpose) {
        self.chain = chain
        self.labels = labels.filter { chain.contains($0.key) }
        self.purpose = purpose
    }

    /// Whether the running system would not survive the loss of it.
    package var isOfSystem: Bool {
        switch purpose {
        case .mounted(let point):
            ["/", "/usr", "/var", "/home", "/boot", "/boot/firmware", "/boot/efi"].contains(point)
        case .swap: true
        case .member, .held: false
        }
    }

    /// Where it can be unmounted to end this use; nil when that does not suffice.
    package var mountPoint: String? {
        if case .mounted(let point) = purpose, chain.count == 1, !isOfSystem { return point }
        return nil
    }
}

extension DiskUse: CustomStringConvertible {
    /// `sda2 holds md0, which holds dm-1 (vg-root), which is mounted at /`
    package var description: String {
        let names = chain.map { name in labels[name].map { "\(name) (\($0))" } ?? name }
        var way = names.first ?? "it"
        for (number, name) in names.dropFirst().enumerated() {
            way += number == 0 ? " holds \(name)" : ", which holds \(name)"
        }
        let verb = chain.count > 1 ? ", which is" : " is"
        switch purpose {
        case .mounted(let point): return "\(way)\(verb) mounted at \(point)"
        case .swap: return "\(way)\(verb) used as swap"
        case .member(let identifier): return "\(way)\(verb) part of the mounted file system \(identifier)"
        case .held: return chain.count > 1 ? way : "\(way) is held by another program"
        }
    }
}
