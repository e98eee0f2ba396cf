/// A folder of a volume as a volume of its own, to be read: the boot files inside a whole tree.
package class ReadableSubtree: ReadableVolume {
    private let base: any ReadableVolume
    fileprivate let folder: VolumePath

    package init(of base: any ReadableVolume, at folder: VolumePath) {
        self.base = base
        self.folder = folder
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        try base.status(at: path.below(folder))
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? { try base.node(at: path.below(folder)) }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        try base.content(at: path.below(folder))
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        try base.entries(in: directory.below(folder))
    }
}

/// The same of a volume that can be edited.
package final class SubtreeVolume: ReadableSubtree, Volume {
    private let volume: any Volume

    package init(of volume: any Volume, at folder: VolumePath) {
        self.volume = volume
        super.init(of: volume, at: folder)
    }

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try volume.put(node, at: path.below(folder))
    }

    package func remove(_ path: VolumePath) throws(VolumeError) { try volume.remove(path.below(folder)) }

    /// Leaves the volume that it is a part of open.
    package func close() throws(VolumeError) {}
}
