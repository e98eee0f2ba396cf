import Trees

extension ImageFacts {
    /// What an image brings for its part in a cluster, from which follows who does the work.
    package enum Kind: Equatable, Sendable {
        /// 8086's: its scripts and templates make a machine of it.
        case clusterCTRL
        /// Raspberry Pi OS as published: what a node needs is put there by piforge.
        case stock
    }

    /// Nil for half of 8086's tools, and for a system that is neither.
    package var kind: Kind? {
        if missingTools.isEmpty { return .clusterCTRL }
        guard !hasPartOfClusterCTRL, isRaspberryPiOS else { return nil }
        return .stock
    }

    /// The image was 8086's, now or once.
    var hasPartOfClusterCTRL: Bool {
        missingTools.count < Self.toolCount || hasReconfigClusterHAT || kernelCommandLine.pendingReconfigType != nil
    }

    /// Files that Raspberry Pi OS has and other systems for these boards have not.
    static let raspberryPiOSPaths: [VolumePath] = [
        "/etc/rpi-issue", "/usr/lib/raspberrypi-sys-mods", "/usr/bin/raspi-config",
    ]

    package var isRaspberryPiOS: Bool { Self.raspberryPiOSPaths.contains { exists(.root, $0) } }
}
