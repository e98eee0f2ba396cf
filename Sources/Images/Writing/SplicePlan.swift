import Bases
import Blocks
import Reports
import Synchronization

/// Everything that the outputs of one build are put together from.
struct SplicePlan: Sendable {
    /// A packed block and the file it lies in.
    struct Part: Sendable {
        var block: PackedBlock
        var file: OpenFile
    }

    /// The packed base.
    let source: PackedImage
    /// For each request, what stands in the place of the source's blocks with these numbers.
    private(set) var replacements: [[Int: [Part]]]
    /// For each request its map; nil when none is wanted.
    private(set) var maps: [BlockMap?]

    private let requests: [ImageRequest]
    let base: BaseImage
    private let writer: PackedImageWriter
    private let observe: Progress.Observer
    private let survey: BaseDigestCollector
    private var scratch: PackedScratch

    /// Packs what the requests change, each equal part once.
    init(
        _ requests: [ImageRequest], from base: BaseImage, writer: PackedImageWriter,
        observe: @escaping Progress.Observer
    ) throws(ForgeError) {
        self.requests = requests
        self.base = base
        self.writer = writer
        self.observe = observe
        replacements = Array(repeating: [:], count: requests.count)
        maps = requests.map { writer.isMapping ? $0.emptyMap : nil }
        let survey = try BaseDigestCollector(of: base, requests: requests, writer: writer, observe: observe)
        self.survey = survey
        func writing(_ error: PackingError) -> ForgeError {
            ForgeError(error, writing: requests.first?.path ?? "the image")
        }
        source = try wrapping(
            Self.source(of: base, writer: writer, survey: survey, observe: observe), as: writing)
        scratch = try wrapping(PackedScratch(in: writer.cache), as: { writing(.block($0)) })
        try wrapping(replace(), as: writing)
        if writer.isVerifying { try wrapping(verify(), as: writing) }
        try finishMaps()
    }

    private mutating func finishMaps() throws(ForgeError) {
        let digests = try survey.finish()
        for (index, request) in requests.enumerated() {
            maps[index]?.learn(from: digests) { request.patch.touches($0) }
            guard survey.isComplete else { continue }
            let reader = base.reader
            try wrapping(as: { ForgeError($0, writing: request.path) }) { () throws(PackingError) in
                // What is left are runs across cells.
                try maps[index]?.complete { (range) throws(PackingError) in
                    try request.patch.bytes(of: range, over: reader)
                }
            }
        }
    }

    /// Decodes the base's own blocks that some order copies as they are.
    private func verify() throws(PackingError) {
        guard let xz = base.xz, writer.format == .xz else { return }
        let copied = source.blocks.indices.filter { number in replacements.contains { $0[number] == nil } }
        let total = copied.reduce(Int64(0)) { $0 + Int64(source.blocks[$1].image.count) }
        var done: Int64 = 0
        try OrderedParallelMap.run(
            count: copied.count, workers: writer.workers.count(forMemory: 64 << 20),
            produce: { (index) throws(PackingError) -> Int64 in
                if Interruption.isRequested { throw .cancelled }
                let image = source.blocks[copied[index]].image
                try wrapping(xz.verifyBlock(at: image.lowerBound), as: PackingError.block)
                return Int64(image.count)
            },
            deliver: { (count) throws(PackingError) in
                done += count
                observe(Progress(stage: .check, subject: writer.baseName, done: done, total: total))
            })
    }

    /// The base's own blocks, or those of its packed form, which is made and kept when it must be.
    private static func source(
        of base: BaseImage, writer: PackedImageWriter, survey: BaseDigestCollector, observe: @escaping Progress.Observer
    ) throws(PackingError) -> PackedImage {
        if writer.format == .xz, let own = base.packed { return own }
        let meter = ProgressMeter(
            Progress(stage: .encode, subject: writer.baseName, done: 0, total: base.byteCount), observe: observe)
        return try writer.cache.packed(
            Cache.Packing(
                base: base.sourceDigest, name: writer.baseName, packer: writer.basePacker, range: 0..<base.byteCount,
                workers: writer.workers, isVerifying: writer.isVerifying),
            of: base.reader,
            progress: { meter.reach($0) },
            // Blocks are handed out in batches, of which the first may take many seconds.
            inspect: { start, bytes in
                meter.begin(Int64(bytes.byteCount))
                survey.look(at: bytes, from: start)
            },
            check: { () throws(BlockError) in try base.checkUnchanged() },
            onDamage: { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) },
            isCancelled: { Interruption.isRequested })
    }

    /// Fills `replacements`: block by block, so that each touched block of the base is decoded once.
    private mutating func replace() throws(PackingError) {
        let touched = source.blocks.indices.filter { number in
            requests.contains { $0.patch.touches(source.blocks[number].image) }
        }
        let total = touched.reduce(Int64(0)) { $0 + Int64(source.blocks[$1].image.count) }
        let meter = ProgressMeter(
            Progress(stage: .splice, subject: writer.baseName, done: 0, total: total), observe: observe)
        var done: Int64 = 0
        for number in touched {
            if Interruption.isRequested { throw .cancelled }
            meter.reach(done)
            let block = source.blocks[number]
            let cells = try cells(of: block, after: done, meter)
            try replace(number, with: cells)
            done += Int64(block.image.count)
            meter.reach(done)
        }
    }

    /// The block cut into cells, each packed; only itself when it is no larger than a cell.
    private func cells(
        of block: PackedBlock, after done: Int64, _ meter: ProgressMeter
    ) throws(PackingError) -> [Part] {
        let packer = writer.cellPacker(check: block.check)
        guard block.image.count > packer.blockByteCount else { return [Part(block: block, file: source.file)] }
        let cells = try writer.cache.packed(
            Cache.Packing(
                base: base.sourceDigest, name: writer.baseName, packer: packer, range: block.image,
                workers: writer.workers,
                isVerifying: writer.isVerifying),
            of: base.reader, progress: { meter.reach(done + $0) },
            inspect: { [survey] start, bytes in
                meter.reach(done + start - block.image.lowerBound)
                survey.look(at: bytes, from: start)
            },
            check: { [base] () throws(BlockError) in try base.checkUnchanged() },
            onDamage: { [observe] in observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) },
            isCancelled: { Interruption.isRequested })
        return cells.blocks.map { Part(block: $0, file: cells.file) }
    }

    /// One cell with changes that at least one request makes.
    private struct Work: Sendable {
        var cell: Int
        var range: Range<Int64>
        var patch: Patch
        /// The maps of the requests that make it; they may use the cell's blocks differently.
        var maps: [BlockMap]
    }

    private struct Key: Hashable {
        var cell: Int
        var digest: SHA256Digest
    }

    private mutating func replace(_ number: Int, with cells: [Part]) throws(PackingError) {
        var works: [Work] = []
        var known: [Key: Int] = [:]
        var choices: [Int: [Int: Int]] = [:]  // order -> cell -> work
        for (index, request) in requests.enumerated() where request.patch.touches(source.blocks[number].image) {
            choices[index] = [:]
            for (cell, part) in cells.enumerated() where request.patch.touches(part.block.image) {
                let digest = try wrapping(request.patch.identity(in: part.block.image), as: PackingError.block)
                let key = Key(cell: cell, digest: digest)
                let work = known[key] ?? works.count
                if work == works.count {
                    works.append(Work(cell: cell, range: part.block.image, patch: request.patch, maps: []))
                    known[key] = work
                }
                if let map = maps[index]?.part(in: part.block.image), !works[work].maps.contains(map) {
                    works[work].maps.append(map)
                }
                choices[index]?[cell] = work
            }
        }
        let made = try pack(works, check: source.blocks[number].check)
        for (index, chosen) in choices {
            replacements[index][number] = cells.enumerated().map { cell, part in
                chosen[cell].map { made[$0].part } ?? part
            }
            for work in chosen.values { maps[index]?.learn(from: made[work].digests) { _ in false } }
        }
    }

    private struct Made: Sendable {
        var part: Part
        /// The digests of the patched bytes.
        var digests: RangeDigests
    }

    private mutating func pack(_ works: [Work], check: UInt8) throws(PackingError) -> [Made] {
        let packer = writer.cellPacker(check: check)
        let reader = base.reader
        var scratch = scratch
        var made: [Made] = []
        try OrderedParallelMap.run(
            count: works.count, workers: writer.workers.count(forMemory: packer.memoryByteCount),
            produce: { (index) throws(PackingError) -> (PackedPiece, RangeDigests) in
                if Interruption.isRequested { throw .cancelled }
                let work = works[index]
                let bytes = try work.patch.bytes(of: work.range, over: reader)
                var digests = RangeDigests()
                for var map in work.maps {
                    map.look(at: bytes.span.bytes, from: work.range.lowerBound)
                    digests.learn(from: map)
                }
                return (try packer.pack(bytes.span.bytes, isCancelled: { Interruption.isRequested }), digests)
            },
            deliver: { (outcome) throws(PackingError) in
                let block = try scratch.append(outcome.0, at: works[made.count].range.lowerBound)
                made.append(Made(part: Part(block: block, file: scratch.file), digests: outcome.1))
            })
        self.scratch = scratch
        return made
    }
}
