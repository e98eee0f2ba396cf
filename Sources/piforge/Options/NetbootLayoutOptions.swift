import ArgumentParser
import Netboot
import Reports

/// How the trees of several nodes lie beside each other, as flags.
struct NetbootLayoutOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case full, shared
    }

    @Option(
        help: ArgumentHelp(
            "How netboot trees lie: full is a root for each node, shared is one for all.", valueName: "layout"))
    var layout: Name?

    @Option(
        help: ArgumentHelp(
            "Where a node with a shared root writes: memory, or to a file of its own of this size, such as 2G.",
            valueName: "memory|size"))
    var upper: String?

    func chosen() throws(ForgeError) -> TreeLayout {
        guard layout == .shared else {
            if upper != nil {
                throw ForgeError(
                    .usage, "could not use --upper: a node with a root of its own writes to that",
                    hint: "add --layout shared")
            }
            return .full
        }
        let text = upper ?? "memory"
        guard let upper = SharedLayout.Upper(text) else {
            throw ForgeError(
                .usage, "could not use --upper \(text): it is neither memory nor a size",
                hint: "write memory, or a size from 64M to 1024G")
        }
        return .shared(upper)
    }

    /// Throws when one was given where no netboot tree is made.
    func refuseAlone() throws(ForgeError) {
        guard layout == nil, upper == nil else {
            throw ForgeError(
                .usage, "could not use --layout and --upper: there are no netboot trees that lie anywhere",
                hint: "add --with-netboot p1-p4")
        }
    }
}
