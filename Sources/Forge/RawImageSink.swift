package import Blocks
import Glibc

/// Writes sparse raw images: all of them in one pass over the base, which is read ahead on all cores.
///
/// Each piece of the base is hashed and written for one image after the other while it is in memory. On a file system
/// with reflinks (btrfs, xfs) the base is written once, into the first image; the others are hashed only, then cloned
/// from it and patched. On others a write out of memory is as fast as copy_file_range(2), which reads the page cache.
package struct RawImageSink: ImageSink {
    package let pathExtension = "img"

    package init() {}

    package func write(
        _ orders: [ImageOrder], from base: BaseImage, observe: @escaping Progress.Observer,
        finished: @escaping @Sendable (Int, Result<WrittenImage, ForgeError>) -> Void
    ) {
        var outputs: [RawOutput] = []
        var places: [Int] = []
        for (place, order) in orders.enumerated() {
            do throws(ForgeError) {
                try Interruption.check()
                outputs.append(try RawOutput(order))
                places.append(place)
            } catch {
                finished(place, .failure(error))
            }
        }
        if outputs.count > 1, RawOutput.canClone(from: outputs[0], to: outputs[1]) {
            for (index, output) in outputs.enumerated() { output.setRole(index == 0 ? .cloned : .clone) }
        }
        let isCloning = outputs.first?.role == .cloned
        let indices = places
        let pass = BasePass(base: base.reader, consumers: outputs.count)
        let all = outputs
        pass.run(
            consume: { (number, piece) throws(ForgeError) in
                let done = try all[number].take(piece)
                observe(Progress(stage: .write, subject: all[number].order.name, done: done, total: base.byteCount))
            },
            finish: { number, failure in
                // Clones are made below, when what they are cloned from is whole.
                if isCloning, failure == nil { return }
                finished(indices[number], failure.map { .failure($0) } ?? all[number].finish())
                all[number].discard()
            })
        guard isCloning else { return }
        // The first last: its own patch must not get into the others.
        for number in all.indices.reversed() where !all[number].isDiscarded {
            if number > 0 { all[number].clone(from: all[0]) }
            finished(indices[number], all[number].finish())
            all[number].discard()
        }
    }
}
