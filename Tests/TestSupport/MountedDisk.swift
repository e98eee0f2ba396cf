import Foundation
import Testing

/// A small file system of its own, mounted by mount(8) as long as this object is; needs root.
package final class MountedDisk {
    /// Where it is mounted.
    package let path: String
    private let folder: TemporaryFolder

    /// Makes and mounts one; the test is cancelled where that is not possible, and fails with PIFORGE_REQUIRE.
    package static func make(_ type: String, mebibytes: Int) throws -> MountedDisk {
        try ToolsTrait.require(["mkfs.\(type)", "mount", "umount"])
        let folder = try TemporaryFolder()
        let image = folder.path + "/disk"
        let path = folder.path + "/mounted"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Shell.write([], to: image)
        guard truncate(image, mebibytes << 20) == 0 else { throw CocoaError(.fileWriteUnknown) }
        let made = try Shell.run("mkfs.\(type)", ["-q", image])
        try #require(made.status == 0, "\(made.error)")
        let mounted = try Shell.run("mount", ["-o", "loop", "-t", type, image, path])
        try ToolsTrait.require(mounted.status == 0, "\(type) cannot be mounted here: \(mounted.error)")
        return MountedDisk(path: path, folder: folder)
    }

    private init(path: String, folder: TemporaryFolder) {
        self.path = path
        self.folder = folder
    }

    deinit { _ = try? Shell.unmount(path) }
}
