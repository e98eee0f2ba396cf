package import Blocks
import Synchronization

/// Another sink's raw images, each with its block map beside it.
///
/// What no slot changes is looked at once, in the first finished image, and kept for later builds; of every further
/// image only the changed chunks are read again. They come from the kernel's page cache, and never from the base: a
/// compressed one is not decoded again for the map.
package struct MappedSink: ImageSink {
    package let inner: any ImageSink
    package let baseName: String
    package let cache: Cache
    package let mapping: MapPolicy

    package init(_ inner: any ImageSink, baseName: String, cache: Cache, mapping: MapPolicy) {
        self.inner = inner
        self.baseName = baseName
        self.cache = cache
        self.mapping = mapping
    }

    package var pathExtension: String { inner.pathExtension }

    package func write(
        _ orders: [ImageOrder], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        let before: ImageMap
        do throws(ForgeError) {
            for order in orders { try BmapFile(beside: order).prepare() }
            before = try known(of: base, observe: observe)
        } catch {
            for index in orders.indices { finished(index, .failure(error)) }
            return
        }
        let known = Mutex(before)
        inner.write(orders, from: base, observe: observe) { index, result in
            guard mapping != .never else { return finished(index, result) }
            do throws(ForgeError) {
                let image = try result.get()
                try map(orders[index], known: known, observe: observe)
                finished(index, .success(image))
            } catch {
                finished(index, .failure(error))
            }
        }
        let after = known.withLock { $0 }
        // A map that cannot be kept is made again: no reason to fail when the images are there.
        if mapping != .never, after != before { try? cache.keep(after, for: base.sourceDigest, name: baseName) }
    }

    private func known(of base: BaseImage, observe: Progress.Observer) throws(ForgeError) -> ImageMap {
        guard mapping != .never else { return ImageMap(byteCount: base.byteCount) }
        do throws(PackingError) {
            return try base.map(cache: cache, name: baseName, completing: false, observe: observe)
        } catch {
            throw ForgeError(error, writing: "the block map")
        }
    }

    private func map(
        _ order: ImageOrder, known: borrowing Mutex<ImageMap>, observe: Progress.Observer
    ) throws(ForgeError) {
        var map = ImageMap(byteCount: order.patch.byteCount)
        let base = known.withLock { $0 }
        map.learn(from: base) { order.patch.touches($0) }
        do throws(PackingError) {
            let reader: FileReader
            do throws(BlockError) { reader = try FileReader(path: order.path) } catch { throw .block(error) }
            try map.complete(
                from: reader,
                progress: { done in
                    observe(Progress(stage: .map, subject: order.name, done: done, total: order.patch.byteCount))
                }, isCancelled: { Interruption.isRequested })
        } catch {
            throw ForgeError(error, writing: BmapFile(beside: order).path)
        }
        let found = map
        known.withLock { $0.learn(from: found) { order.patch.touches($0) } }
        try BmapFile(beside: order).write(map)
    }
}
