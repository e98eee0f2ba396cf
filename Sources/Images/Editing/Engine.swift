package import Reports
import Volumes

/// The ways to edit an image; the raw value is what `--engine` takes and the manifest records.
package enum Engine: String, Codable, Sendable, CaseIterable {
    /// Our own FAT driver and libext2fs, over a map of changed blocks in memory.
    case builtin
    /// The kernel's drivers, mounted from loop devices over a copy of the base.
    case loop

    /// Throws unless this process can use it on this machine.
    package func check() throws(ForgeError) {
        guard self == .loop else { return }
        for type in MountedVolume.FileSystem.allCases {
            try MountError.wrapping(MountedVolume.check(type))
        }
    }
}

extension ForgeError {
    /// Reports why the loop engine could not be used.
    init(_ error: MountError) {
        let hint =
            "leave out --engine loop: the default engine needs no root, no loop device and no driver; "
            + "piforge doctor tells what this machine has"
        switch error {
        case .notPermitted: self.init(.permission, "could not use the loop engine: \(error)", hint: hint)
        case .unavailable: self.init(.unavailable, "could not use the loop engine: \(error)", hint: hint)
        case .refused: self.init(.badInput, "could not mount the image: \(error)")
        case .system: self.init(.inputOutput, "\(error)")
        }
        cause = error
    }
}

extension MountError: ReportedError {
    package var report: ForgeError { ForgeError(self) }
}
