import Blocks
import Reports
package import Trees

extension FATVolume: TreeSource {
    package func treeReader() -> any TreeReader {
        VolumeTreeReader(self) { [self] (path) throws(VolumeError) in
            guard let content = try content(at: path) else { throw .notFound(path) }
            return content
        }
    }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        guard case .entry(_, let record) = try find(path), !record.entry.isDirectory else { return nil }
        return FATFileContent(volume: self, chain: try fileChain(record.entry, of: path), entry: record.entry)
    }
}

/// A file of a FAT volume by its clusters.
struct FATFileContent: FileContent {
    let volume: FATVolume
    let chain: [Int]
    let entry: DirectoryEntry

    var byteCount: Int64 { Int64(entry.size) }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
        let count = buffer.byteCount
        guard offset >= 0, Int64(count) <= byteCount, offset <= byteCount - Int64(count) else {
            throw .device("\(count) bytes at \(offset) of a file of \(byteCount)")
        }
        try buffer.withUnsafeMutableBytes { (bytes) throws(VolumeError) in
            try read(into: bytes, at: Int(offset))
        }
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(VolumeError) {
        let size = volume.boot.bytesPerCluster
        var done = 0
        while done < buffer.count {
            let index = (offset + done) / size
            let inner = (offset + done) % size
            let run = volume.runLength(in: chain, from: index)
            let count = min(run * size - inner, buffer.count - done)
            var part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)]).mutableBytes
            try wrapping(
                volume.device.read(into: &part, at: volume.boot.offset(ofCluster: chain[index]) + Int64(inner)),
                as: { VolumeError($0) })
            done += count
        }
    }
}
