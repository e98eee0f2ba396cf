import Trees

/// What a node sees of a shared root with its own files over it, for looking only.
final class OverlaidVolume: ReadableVolume {
    private let upper: any ReadableVolume
    private let lower: any ReadableVolume

    init(_ upper: any ReadableVolume, over lower: any ReadableVolume) {
        self.upper = upper
        self.lower = lower
    }

    func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        guard let found = try upper.status(at: path) else {
            return try isHidden(path) ? nil : lower.status(at: path)
        }
        return found.isWhiteout ? nil : found
    }

    func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        guard let found = try upper.status(at: path) else { return try isHidden(path) ? nil : lower.node(at: path) }
        return found.isWhiteout ? nil : try upper.node(at: path)
    }

    func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let status = try status(at: directory) else { throw .notFound(directory) }
        guard status.kind == .directory else { throw .notADirectory(directory) }
        var names: Set<FileName> = []
        for volume in [lower, upper] where try volume.status(at: directory)?.kind == .directory {
            names.formUnion(try volume.entries(in: directory).map(FileName.init))
        }
        var visible: [String] = []
        for name in names.sortedTexts() {
            if let path = directory.appending(name), try self.status(at: path) != nil { visible.append(name) }
        }
        return visible
    }

    /// Whether a folder above is hidden by something that is none.
    private func isHidden(_ path: VolumePath) throws(VolumeError) -> Bool {
        for folder in path.ancestors {
            guard let found = try upper.status(at: folder) else { return false }
            if found.isWhiteout { return true }
            if found.kind != .directory { throw .notADirectory(folder) }
        }
        return false
    }
}

extension FileStatus {
    /// What an overlay's upper layer has where the lower one's is not to be seen.
    fileprivate var isWhiteout: Bool {
        kind == .characterDevice && metadata.device.map { $0.major == 0 && $0.minor == 0 } ?? false
    }
}
