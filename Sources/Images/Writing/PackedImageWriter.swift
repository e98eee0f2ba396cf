package import Bases
import Blocks
import Dispatch
import Glibc
package import Reports
import Synchronization

/// Writes compressed images: what no slot changes is copied packed as it is, only the rest is packed again.
///
/// ```
///   base     | block 0 | block 1 | block 2 | block 3 |     of an .xz, or of its packed form in the cache
///   slot     |  copied | ccccEcc |  copied | copied  |     c: cells of 1 MiB, packed once and kept; E: packed for
///                                                              this slot, or for another that has the same there
/// ```
package struct PackedImageWriter: ImageWriter {
    package let format: PackedFormat
    package let cache: Cache
    /// The base's file name, for progress and for whoever lists the cache.
    package let baseName: String
    package let mapping: BmapPolicy
    /// The images do not depend on it.
    package let workers: WorkerCount
    /// Whether blocks that are copied packed are decoded once, to prove that they are whole.
    package let isVerifying: Bool

    package init(
        _ format: PackedFormat, baseName: String, cache: Cache, mapping: BmapPolicy = .auto,
        workers: WorkerCount = .automatic, isVerifying: Bool = false
    ) {
        self.isVerifying = isVerifying
        self.baseName = baseName
        self.format = format
        self.cache = cache
        self.mapping = mapping
        self.workers = workers
    }

    package var pathExtension: String { "img." + format.suffix }
    package var isMapping: Bool { mapping != .never }

    package func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let recipe: SplicePlan
        do throws(ForgeError) {
            recipe = try SplicePlan(requests, from: base, writer: self, observe: observe)
        } catch {
            for index in requests.indices { finished(index, .failure(error)) }
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(requests.count, workers.count(forMemory: 4 << 20))) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < requests.count else { return }
                let image = Result { () throws(ForgeError) in
                    try assemble(index, requests[index], recipe, observe: observe)
                }
                finished(index, image)
            }
        }
    }

    private func assemble(
        _ index: Int, _ request: ImageRequest, _ recipe: SplicePlan, observe: Progress.Observer
    ) throws(ForgeError) -> WrittenImage {
        try Interruption.check()
        let mapFile = BmapFile(beside: request)
        try mapFile.prepare()
        let output = try OutputFile(path: request.path, mode: request.mode, replacing: request.isReplacing)
        let outcome = try wrapping(as: { ForgeError($0, writing: request.path) }) { () throws(PackingError) in
            let file = try Self.duplicate(output.descriptor, path: request.path)
            var writer = PackedWriter(format, to: file)
            for (number, block) in recipe.source.blocks.enumerated() {
                if Interruption.isRequested { throw .cancelled }
                if let parts = recipe.replacements[index][number] {
                    for part in parts { try writer.copy(part.block, from: part.file) }
                } else {
                    try writer.copy(block, from: recipe.source.file)
                }
                observe(
                    Progress(
                        stage: .write, subject: request.name, done: writer.imageByteCount,
                        total: request.patch.byteCount))
            }
            return try writer.finish()
        }
        guard outcome.imageByteCount == request.patch.byteCount else {
            throw ForgeError(
                .bug,
                "could not write \(request.path): its blocks hold \(outcome.imageByteCount) bytes of \(request.patch.byteCount)"
            )
        }
        try recipe.base.confirmUnchanged()
        try output.commit()
        if let map = recipe.maps[index] { try mapFile.write(map) }
        return WrittenImage(byteCount: outcome.byteCount, digest: outcome.digest)
    }

    private static func duplicate(_ descriptor: Int32, path: String) throws(PackingError) -> OpenFile {
        try wrapping(OpenFile(duplicating: descriptor, path: path), as: PackingError.block)
    }
}

extension PackedImageWriter {
    /// How a base without blocks of its own is packed, once.
    var basePacker: BlockPacker {
        switch format {
        case .xz: BlockPacker(format: .xz, blockByteCount: 16 << 20, level: 1)
        case .zstd: BlockPacker(format: .zstd, blockByteCount: 4 << 20, level: 6)
        case .gzip: BlockPacker(format: .gzip, blockByteCount: 1 << 20, level: 6)
        }
    }

    /// How the parts of a block that some slot changes are packed again.
    func cellPacker(check: UInt8) -> BlockPacker {
        switch format {
        case .xz: BlockPacker(format: .xz, blockByteCount: 1 << 20, level: 1, check: check)
        case .zstd, .gzip: basePacker
        }
    }
}

extension ForgeError {
    /// Reports why the output at `path` could not be packed.
    package init(_ error: PackingError, writing path: String) {
        switch error {
        case .block(.system(let code, "write", path)): self = .writing(path, errno: code)
        case .block(.system(let code, "write", let other)), .block(.system(let code, "create", let other)):
            self = .writing(other, errno: code)
            hint = "packing needs room in the cache; set XDG_CACHE_HOME to a folder on a larger disk"
        case .block(let error): self.init(error)
        case .cancelled: self = .interruption
        case .outOfMemory: self.init(.unavailable, "could not write \(path): \(error)")
        case .library: self.init(.bug, "could not write \(path): \(error)")
        }
        cause = error
    }
}
