import Blocks
import Synchronization

/// Everything that the outputs of one build are put together from.
struct PackedRecipe: Sendable {
    /// A packed block and the file it lies in.
    struct Part: Sendable {
        var block: PackedBlock
        var file: OpenFile
    }

    /// The packed base.
    let source: PackedImage
    /// For each order, what stands in the place of the source's blocks with these numbers.
    private(set) var replacements: [[Int: [Part]]]
    /// For each order its map, complete; nil where it is not known or not wanted.
    private(set) var maps: [ImageMap?]

    private let orders: [ImageOrder]
    private let base: BaseImage
    private let sink: PackedSink
    private let observe: Progress.Observer
    private var scratch: PackedScratch

    /// Packs what the orders change, each equal part once.
    init(
        _ orders: [ImageOrder], from base: BaseImage, sink: PackedSink, observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        self.orders = orders
        self.base = base
        self.sink = sink
        self.observe = observe
        do throws(PackingError) {
            source = try Self.source(of: base, sink: sink, observe: observe)
            do throws(BlockError) { scratch = try PackedScratch(in: sink.cache) } catch { throw .block(error) }
            replacements = Array(repeating: [:], count: orders.count)
            maps = try Self.maps(for: orders, of: base, sink: sink, observe: observe)
            try replace()
            try finishMaps()
        } catch {
            throw ForgeError(error, writing: orders.first?.path ?? "the image")
        }
    }

    /// The base's own blocks, or those of its packed form, which is made and kept when it must be.
    private static func source(
        of base: BaseImage, sink: PackedSink, observe: @escaping Progress.Observer
    ) throws(PackingError) -> PackedImage {
        if sink.format == .xz, let own = base.packed { return own }
        return try sink.cache.packed(
            Cache.Packing(
                base: base.sourceDigest, name: sink.baseName, packer: sink.basePacker, range: 0..<base.byteCount,
                workers: sink.workers),
            of: base.reader,
            progress: { done in
                observe(Progress(stage: .encode, subject: sink.baseName, done: done, total: base.byteCount))
            },
            onDamage: { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) },
            isCancelled: { Interruption.isRequested })
    }

    /// Fills `replacements`: block by block, so that each touched block of the base is decoded once.
    private mutating func replace() throws(PackingError) {
        let touched = source.blocks.indices.filter { number in
            orders.contains { $0.patch.touches(source.blocks[number].image) }
        }
        let total = touched.reduce(Int64(0)) { $0 + Int64(source.blocks[$1].image.count) }
        var done: Int64 = 0
        for number in touched {
            if Interruption.isRequested { throw .cancelled }
            let block = source.blocks[number]
            let cells = try cells(of: block) { [observe, sink] part in
                observe(Progress(stage: .encode, subject: sink.baseName, done: done + part, total: total))
            }
            try replace(number, with: cells)
            done += Int64(block.image.count)
            observe(Progress(stage: .encode, subject: sink.baseName, done: done, total: total))
        }
    }

    /// The block cut into cells, each packed; only itself when it is no larger than a cell.
    private func cells(of block: PackedBlock, progress: (Int64) -> Void) throws(PackingError) -> [Part] {
        let packer = sink.cellPacker(check: block.check)
        guard block.image.count > packer.blockByteCount else { return [Part(block: block, file: source.file)] }
        let cells = try sink.cache.packed(
            Cache.Packing(
                base: base.sourceDigest, name: sink.baseName, packer: packer, range: block.image, workers: sink.workers),
            of: base.reader, progress: progress,
            onDamage: { [observe] in observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) },
            isCancelled: { Interruption.isRequested })
        return cells.blocks.map { Part(block: $0, file: cells.file) }
    }

    /// One cell with changes that at least one order makes.
    private struct Work: Sendable {
        var cell: Int
        var range: Range<Int64>
        var patch: Patch
    }

    private struct Key: Hashable {
        var cell: Int
        var digest: SHA256Digest
    }

    private mutating func replace(_ number: Int, with cells: [Part]) throws(PackingError) {
        var works: [Work] = []
        var known: [Key: Int] = [:]
        var choices: [Int: [Int: Int]] = [:]  // order -> cell -> work
        for (index, order) in orders.enumerated() where order.patch.touches(source.blocks[number].image) {
            choices[index] = [:]
            for (cell, part) in cells.enumerated() where order.patch.touches(part.block.image) {
                let key = Key(cell: cell, digest: order.patch.identity(in: part.block.image))
                let work = known[key] ?? works.count
                if work == works.count {
                    works.append(Work(cell: cell, range: part.block.image, patch: order.patch))
                    known[key] = work
                }
                choices[index]?[cell] = work
            }
        }
        let made = try pack(works, check: source.blocks[number].check)
        for (index, chosen) in choices {
            replacements[index][number] = cells.enumerated().map { cell, part in
                chosen[cell].map { made[$0].part } ?? part
            }
            for work in chosen.values {
                for (chunk, runs) in made[work].runs { maps[index]?.set(chunk, to: runs) }
            }
        }
    }

    private struct Made: Sendable {
        var part: Part
        var runs: [Int: [ImageMap.Run]]
    }

    private mutating func pack(_ works: [Work], check: UInt8) throws(PackingError) -> [Made] {
        let packer = sink.cellPacker(check: check)
        let reader = base.reader
        let isMapping = maps.contains { $0 != nil }
        var scratch = scratch
        var made: [Made] = []
        try OrderedWork.run(
            count: works.count, workers: sink.workers.count(forMemory: packer.memoryByteCount),
            produce: { (index) throws(PackingError) -> (PackedPiece, [Int: [ImageMap.Run]]) in
                if Interruption.isRequested { throw .cancelled }
                let work = works[index]
                let bytes = try work.patch.bytes(of: work.range, over: reader)
                let runs = isMapping ? Self.runs(of: bytes, in: work.range, of: work.patch.byteCount) : [:]
                return (try packer.pack(bytes.span.bytes), runs)
            },
            deliver: { (outcome) throws(PackingError) in
                let block = try scratch.append(outcome.0, at: works[made.count].range.lowerBound)
                made.append(Made(part: Part(block: block, file: scratch.file), runs: outcome.1))
            })
        self.scratch = scratch
        return made
    }
}

extension PackedRecipe {
    /// Maps with all that the base says about what each order leaves as it is; nil where that is not known.
    private static func maps(
        for orders: [ImageOrder], of base: BaseImage, sink: PackedSink, observe: Progress.Observer
    ) throws(PackingError) -> [ImageMap?] {
        guard sink.mapping != .never else { return Array(repeating: nil, count: orders.count) }
        let known = try base.map(
            cache: sink.cache, name: sink.baseName,
            completing: sink.mapping == .always || base.packed == nil, observe: observe)
        return orders.map { order in
            var map = ImageMap(byteCount: order.patch.byteCount)
            map.learn(from: known) { order.patch.touches($0) }
            let isKnown = map.chunks.indices.allSatisfy {
                map.chunks[$0] != nil || order.patch.touches(map.range(of: $0))
            }
            return isKnown ? map : nil
        }
    }

    /// The whole chunks inside a cell; none where the cells of the base lie at no multiple of a chunk.
    private static func runs(of bytes: [UInt8], in range: Range<Int64>, of byteCount: Int64) -> [Int: [ImageMap.Run]] {
        var runs: [Int: [ImageMap.Run]] = [:]
        let map = ImageMap(byteCount: byteCount)
        for chunk in map.chunks(touching: range) {
            let part = map.range(of: chunk)
            guard part.clamped(to: range) == part else { continue }
            let start = Int(part.lowerBound - range.lowerBound)
            runs[chunk] = ImageMap.runs(
                of: bytes.span.bytes.extracting(start..<(start + part.count)), at: part.lowerBound)
        }
        return runs
    }

    /// Looks at the chunks that lay across cells.
    private mutating func finishMaps() throws(PackingError) {
        for (index, order) in orders.enumerated() {
            guard let map = maps[index], !map.isComplete else { continue }
            for chunk in map.chunks.indices where map.chunks[chunk] == nil {
                let range = map.range(of: chunk)
                let bytes = try order.patch.bytes(of: range, over: base.reader)
                maps[index]?.set(chunk, to: ImageMap.runs(of: bytes.span.bytes, at: range.lowerBound))
            }
        }
    }
}
