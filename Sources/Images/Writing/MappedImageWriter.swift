package import Bases
import Blocks
package import Reports
import Synchronization

/// Raw images, each with its block map beside it.
///
/// What no slot changes is digested while the base comes by for the images, and kept for later builds; of each image
/// only the changed chunks are read again, from the kernel's page cache.
package struct MappedImageWriter: ImageWriter {
    package let pathExtension = "img"
    package let baseName: String
    package let cache: Cache
    package let mapping: BmapPolicy

    package init(baseName: String, cache: Cache, mapping: BmapPolicy) {
        self.baseName = baseName
        self.cache = cache
        self.mapping = mapping
    }

    package var isMapping: Bool { mapping != .never }

    package func write(
        _ requests: [ImageRequest], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let before: RangeDigests
        do throws(ForgeError) {
            for request in requests { try BmapFile(beside: request).prepare() }
            before = isMapping ? try base.runDigests(in: cache, observe: observe) : RangeDigests()
        } catch {
            for index in requests.indices { finished(index, .failure(error)) }
            return
        }
        var inner = RawImageWriter()
        // Room for all images that are yet to be written, and one more: keeping must not be what fills the disk.
        let room = base.byteCount * Int64(requests.count + 2)
        inner.tee = cache.tee(of: base, name: baseName, room: room)
        guard isMapping, let first = requests.first else {
            return inner.write(requests, from: base, observe: observe, finished: finished)
        }
        var map = first.emptyMap
        map.learn(from: before) { _ in false }
        let isKnown = map.isComplete
        let digester = Mutex(RangeDigester(map))
        let known = Mutex(before)
        if !isKnown { inner.watch = { piece in digester.withLock { $0.take(piece) } } }
        inner.write(requests, from: base, observe: observe) { index, result in
            let outcome = Result { () throws(ForgeError) in
                let image = try result.get()
                if !isKnown {
                    let map = digester.withLock { $0.map }
                    known.withLock { $0.learn(from: map) }
                }
                try self.map(requests[index], known: known)
                return image
            }
            finished(index, outcome)
        }
        let after = known.withLock { $0 }
        // What cannot be kept is found anew: no reason to fail when the images are there.
        if after != before, (try? base.checkUnchanged()) != nil {
            try? cache.keep(after, of: base.sourceDigest, name: baseName)
        }
    }

    private func map(_ request: ImageRequest, known: borrowing Mutex<RangeDigests>) throws(ForgeError) {
        var map = request.emptyMap
        map.learn(from: known.withLock { $0 }) { request.patch.touches($0) }
        try map.complete(fromImageOf: request)
        let found = map
        known.withLock { $0.learn(from: found) { request.patch.touches($0) } }
        try BmapFile(beside: request).write(map)
    }
}
