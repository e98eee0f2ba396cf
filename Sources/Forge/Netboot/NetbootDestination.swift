package import Netboot
package import Plans
package import Reports
package import Trees

/// Whoever a build's netboot trees are for: it hears how far they are, may refuse them, and may take them elsewhere.
package protocol NetbootDestination {
    /// Before anything is written: what all trees together will take on the controller's disk.
    func willWrite(_ size: TreeSize) throws(ForgeError)

    /// Where a slot's tree goes; nil for the build's own folder. Its chunks are packed by `compressor`.
    func output(for slot: Slot, _ compressor: ChunkCompressor) throws(ForgeError) -> (any TreeOutput)?

    /// Before a finished tree gets its name.
    func willFinish(_ slot: Slot) throws(ForgeError)

    /// When the output of all nodes together has its name, `path`, and its manifests are not written yet.
    func didFinishTogether(_ path: String) throws(ForgeError)
}

extension NetbootDestination {
    package func willWrite(_ size: TreeSize) throws(ForgeError) {}
    package func output(for slot: Slot, _ compressor: ChunkCompressor) throws(ForgeError) -> (any TreeOutput)? { nil }
    package func willFinish(_ slot: Slot) throws(ForgeError) {}
    package func didFinishTogether(_ path: String) throws(ForgeError) {}
}

/// The build's own folder, for somebody who copies the trees to a controller.
package struct NetbootFolder: NetbootDestination {
    private let announce: (TreeSize) -> Void

    /// `announce` is called before anything is written.
    package init(announce: @escaping (TreeSize) -> Void = { _ in }) { self.announce = announce }

    package func willWrite(_ size: TreeSize) { announce(size) }
}
