import Readers
package import Trees

/// Reads small files of an image by path, links followed inside their volume.
///
/// What is not there, is no file or cannot be reached is nil; only `corrupt` and `device` are thrown.
package struct ImageFiles {
    package let boot: any ReadableVolume
    package let root: any ReadableVolume

    package init(boot: any ReadableVolume, root: any ReadableVolume) {
        self.boot = boot
        self.root = root
    }

    /// Configuration files are far smaller; larger ones count as not there.
    static let byteLimit: Int64 = 1 << 20

    func volume(_ partition: Target.Partition) -> any ReadableVolume { partition == .boot ? boot : root }

    /// Where `path` leads to; a tail that does not exist is kept.
    package func place(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> VolumePath? {
        try orNil { () throws(VolumeError) in try volume(partition).resolve(path) }
    }

    package func status(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> FileStatus? {
        try orNil { () throws(VolumeError) in
            try volume(partition).status(at: try volume(partition).resolve(path))
        }
    }

    package func exists(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> Bool {
        try status(partition, path) != nil
    }

    /// The text of the link at `path` on the root partition itself; nil when it is none.
    package func linkText(_ path: VolumePath) throws(VolumeError) -> String? {
        try orNil { () throws(VolumeError) in
            let place = try root.resolve(path, followingLast: false)
            guard case .symlink(let text)? = try root.node(at: place)?.content else { return nil }
            return text
        }
    }

    package func bytes(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> [UInt8]? {
        try orNil { () throws(VolumeError) in
            let volume = volume(partition)
            let place = try volume.resolve(path)
            guard let status = try volume.status(at: place), status.kind == .file, status.byteCount <= Self.byteLimit,
                let bytes = try volume.fileBytes(at: place)
            else { return nil }
            return bytes
        }
    }

    /// The lines of a file, without their ends; bytes that are no UTF-8 are replaced. Nil when there is no such file.
    package func lines(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> [String]? {
        try bytes(partition, path).map(Self.lines)
    }

    /// The lines that are neither blank nor comments, without the blanks around them.
    package func settings(_ partition: Target.Partition, _ path: VolumePath) throws(VolumeError) -> [String]? {
        try lines(partition, path)?.map(\.trimmedBlanks).filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }

    /// The names in a folder, sorted; none when there is no such folder.
    package func names(_ partition: Target.Partition, _ folder: VolumePath) throws(VolumeError) -> [String] {
        try orNil { () throws(VolumeError) in
            let place = try volume(partition).resolve(folder)
            guard try volume(partition).status(at: place)?.kind == .directory else { return nil }
            return try volume(partition).entries(in: place)
        } ?? []
    }

    package static func lines(of bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private func orNil<Value>(_ body: () throws(VolumeError) -> Value?) throws(VolumeError) -> Value? {
        do {
            return try body()
        } catch {
            switch error {
            case .corrupt, .device, .cancelled: throw error
            default: return nil
            }
        }
    }
}
