/// A folder of a volume as a volume of its own: the boot files inside a whole tree.
package final class SubtreeVolume: Volume {
    private let base: any Volume
    private let folder: VolumePath

    package init(of base: any Volume, at folder: VolumePath) {
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

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try base.put(node, at: path.below(folder))
    }

    package func remove(_ path: VolumePath) throws(VolumeError) { try base.remove(path.below(folder)) }

    /// Leaves the volume that it is a part of open.
    package func close() throws(VolumeError) {}
}
