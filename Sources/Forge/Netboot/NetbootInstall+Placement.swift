import Netboot
import Plans
import Reports
import Trees

extension NetbootInstall {
    /// The way of new trees to where the controller serves them.
    struct Placement: NetbootDestination {
        let install: NetbootInstall
        let installed: InstalledRoots
        let slots: [Slot]
        /// What is taken over from old trees.
        let keptByteCount: Int64
        /// The root that the nodes will share; nil for whole trees.
        var shared: SharedRoot?

        func willWrite(_ size: TreeSize) throws(ForgeError) {
            try NetbootInstall.checkSpace(
                FreeSpace(in: install.folder), for: size, keptByteCount, count: slots.count, announce: install.announce)
        }

        /// A node may have been started while its tree was written.
        func willFinish(_ slot: Slot) throws(ForgeError) {
            if !install.replacesRunning { try NodeActivity(root: install.root.path).check([slot]) }
        }

        func didFinishTogether(_ path: String) throws(ForgeError) {
            guard let shared else { return }
            for slot in slots where install.keepsUpper && installed.hasWritten(slot) {
                try installed.linkUpper(of: slot, into: path)
            }
            try installed.place(
                [shared.name] + slots.map(\.name), from: path, observe: install.netboot.observe)
        }
    }
}
