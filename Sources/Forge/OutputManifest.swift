import Blocks
import FoundationEssentials
import Glibc
import Images
import Plans
import Reports

/// A manifest as it lies on disk, and whether the bytes of its output are still those that it was written for.
struct OutputManifest {
    let path: String
    let manifest: Manifest

    /// The manifest beside an image or a tar; nil when none lies there.
    static func beside(_ path: String) throws(ForgeError) -> OutputManifest? {
        var candidates = [path + ".manifest.json"]
        for ending in OutputFormat.allCases.map(\.rawValue) where path.hasSuffix("." + ending) {
            candidates.append(path.dropLast(ending.count) + "manifest.json")
        }
        guard let found = candidates.first(where: { access($0, R_OK) == 0 }) else { return nil }
        return try read(found)
    }

    static func read(_ path: String) throws(ForgeError) -> OutputManifest {
        let bytes = try wrapping(
            OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK).prefix(16 << 20), as: { ForgeError($0, reading: path) })
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(bytes)) else {
            throw ForgeError(.badInput, "could not read \(path): it is no manifest of piforge's")
        }
        return OutputManifest(path: path, manifest: manifest)
    }

    /// Whether the manifest is of this form of the image: an image that was packed is not judged by its packed bytes.
    func isOf(_ path: String) -> Bool {
        func ending(_ name: String) -> OutputFormat? {
            OutputFormat.allCases.filter { name.hasSuffix("." + $0.rawValue) }.max {
                $0.rawValue.count < $1.rawValue.count
            }
        }
        return ending(path.fileName) == ending(manifest.output.file)
    }

    /// Whether a file has the size and digest of the output that the manifest describes; reads all of it.
    func describesBytes(of path: String) throws(ForgeError) -> Bool {
        do throws(BlockError) {
            let reader = try FileReader(path: path)
            guard reader.byteCount == manifest.output.bytes else { return false }
            var hasher = SHA256()
            for range in reader.pieces {
                if Interruption.isRequested { throw .cancelled }
                let bytes = try reader.bytes(at: range.lowerBound, count: range.count)
                hasher.update(bytes.span.bytes)
            }
            return hasher.finalize().description == manifest.output.sha256
        } catch {
            throw ForgeError(error)
        }
    }
}
