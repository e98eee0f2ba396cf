import Blocks
import Glibc
package import Reports

/// A reader in which cards follow each other.
package struct CardReader {
    /// The device as the person named it; it need not exist while no card is in.
    package let path: String
    private let root: String

    package init(path: String, root: String = "") {
        self.path = path
        self.root = root
    }

    /// The card that is in now; nil when there is none.
    package var card: Disk? {
        // An open asks the reader whether its card was exchanged, where nobody else does that from time to time.
        _ = try? OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK)
        guard let number = try? ExclusiveDevice.number(of: path),
            let disk = DiskInventory.read(root: root).disk(numbered: number), disk.byteCount > 0
        else { return nil }
        return disk
    }

    /// Waits until a card is in that is not the one that was `last`; `announce` is called once, when none is there yet.
    package func waitForCard(other last: Disk?, announce: () -> Void) throws(ForgeError) -> Disk {
        var wasAway = last == nil
        var isAnnounced = false
        while true {
            try Interruption.check()
            let found = card
            if let found {
                let isExchanged = found.sequence != nil && found.identity != last?.identity
                if wasAway || isExchanged {
                    // Whoever looks at new disks, such as udev, has them open for a moment.
                    if isAnnounced { try pause(times: 10) }
                    return found
                }
            } else {
                wasAway = true
            }
            if !isAnnounced { announce() }
            isAnnounced = true
            try pause(times: 3)
        }
    }

    /// Tenths of a second, which an interruption ends.
    private func pause(times: Int) throws(ForgeError) {
        for _ in 0..<times {
            try Interruption.check()
            usleep(100_000)
        }
    }
}
