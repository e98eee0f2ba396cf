/// Copy-on-write over a base that is never written: one slot's image as a map of changed granules in memory.
///
/// ```
///   Overlay   | base | granule | base ........ | granule | granule | base |
///   granules           4 KiB                     4 KiB     4 KiB
///   base      |============================================================|
/// ```
package final class Overlay: BlockDevice {
    /// The unit of copying in bytes, the usual block size of ext4; the last granule of a device may be shorter.
    package static let granuleSize = 4096

    /// What was moved so far, in bytes; tests bound the work of an engine with it.
    package struct Counters: Equatable, Sendable {
        /// Bytes handed out by `read`.
        package var read: Int64 = 0
        /// Bytes taken by `write`.
        package var written: Int64 = 0
        /// Bytes read from the base, for reads, for granules that are partly overwritten and for comparisons.
        package var readFromBase: Int64 = 0

        package init(read: Int64 = 0, written: Int64 = 0, readFromBase: Int64 = 0) {
            self.read = read
            self.written = written
            self.readFromBase = readFromBase
        }
    }

    package let base: any BlockReader
    package let byteCount: Int64
    package private(set) var counters = Counters()

    private var granules: [Int64: [UInt8]] = [:]
    /// Granules whose bytes are those of a reader.
    private var placed = PlacedGranules()
    /// Granules written since they were last compared with the base.
    private var unchecked: Set<Int64> = []
    /// The keys of `granules` in order; `nil` after one was added or dropped.
    private var cachedOrder: [Int64]?

    package init(over base: any BlockReader) {
        self.base = base
        byteCount = base.byteCount
    }

    /// One that holds the changes of `patch` already, which may have been made to a shorter device.
    package init(over base: any BlockReader, changedBy patch: Patch) throws(BlockError) {
        self.base = base
        byteCount = base.byteCount
        try checkBounds(offset: 0, count: Int(patch.byteCount), size: byteCount)
        granules = patch.granules
        placed = patch.placed
        let last = patch.byteCount / Self.wideGranule
        if let short = granules[last], short.count < granuleLength(last) {
            let rest = try base.bytes(at: patch.byteCount, count: granuleLength(last) - short.count)
            granules[last] = short + rest
        }
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        let count = buffer.byteCount
        var done = 0
        while done < count {
            let position = offset + Int64(done)
            if let granule = granules[position / Self.wideGranule] {
                let skip = Int(position % Self.wideGranule)
                let length = min(granule.count - skip, count - done)
                buffer.withUnsafeMutableBytes { target in
                    granule.withUnsafeBytes { source in
                        UnsafeMutableRawBufferPointer(rebasing: target[done..<(done + length)])
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[skip..<(skip + length)]))
                    }
                }
                done += length
            } else if placed.has(position / Self.wideGranule) {
                let skip = Int(position % Self.wideGranule)
                let wanted = (skip + count - done + Self.granuleSize - 1) / Self.granuleSize
                let run = placed.runLength(from: position / Self.wideGranule, limit: wanted)
                let length = min(run * Self.granuleSize - skip, count - done)
                var part = buffer._mutatingExtracting(done..<(done + length))
                try placed.read(into: &part, of: position / Self.wideGranule, skipping: skip)
                done += length
            } else {
                let length = Int(min(cleanEnd(from: position, limit: offset + Int64(count)) - position, Int64(count)))
                var part = buffer._mutatingExtracting(done..<(done + length))
                try base.read(into: &part, at: position)
                counters.readFromBase += Int64(length)
                done += length
            }
        }
        counters.read += Int64(count)
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: bytes.byteCount, size: byteCount)
        let count = bytes.byteCount
        var done = 0
        while done < count {
            let position = offset + Int64(done)
            let index = position / Self.wideGranule
            let skip = Int(position % Self.wideGranule)
            let length = min(granuleLength(index) - skip, count - done)
            var granule: [UInt8]
            if length == Self.granuleSize,
                SparseBytes.dataMask(of: bytes.extracting(done..<(done + length)), at: 0) == 0
            {
                // All granules of zeros share their memory: the tables of a file system that grows are many of these.
                granules[index] = Self.zeros
                placed.remove(index)
                unchecked.insert(index)
                done += length
                continue
            }
            if let held = granules.removeValue(forKey: index) {
                granule = held
            } else if length == granuleLength(index) {
                granule = [UInt8](repeating: 0, count: length)
            } else if placed.has(index) {
                granule = try placed.bytes(of: index)
            } else {
                granule = try baseGranule(index)
            }
            placed.remove(index)
            granule.withUnsafeMutableBytes { target in
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: target[skip..<(skip + length)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<(done + length)]))
                }
            }
            granules[index] = granule
            unchecked.insert(index)
            done += length
        }
        cachedOrder = nil
        counters.written += Int64(count)
    }

    /// Keeps the reader for the granules that it fills; the bytes at both ends are copied.
    package func place(
        _ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64
    ) throws(BlockError) {
        guard let length = Int(exactly: count) else {
            throw .outOfBounds(offset: offset, count: Int.max, size: byteCount)
        }
        try checkBounds(offset: offset, count: length, size: byteCount)
        try checkBounds(offset: start, count: length, size: reader.byteCount)
        let end = offset + count
        let first = (offset + Self.wideGranule - 1) / Self.wideGranule
        let last = end / Self.wideGranule
        guard first < last else {
            return try write(reader.bytes(at: start, count: length), at: offset)
        }
        let head = first * Self.wideGranule - offset
        if head > 0 { try write(reader.bytes(at: start, count: Int(head)), at: offset) }
        placed.put(reader, from: start + head, at: first..<last)
        for index in first..<last {
            granules[index] = nil
            unchecked.remove(index)
        }
        let done = last * Self.wideGranule - offset
        if done < count {
            try write(reader.bytes(at: start + done, count: Int(count - done)), at: offset + done)
        }
        cachedOrder = nil
        counters.written += count
    }

    /// The ranges that differ from the base, in order and coalesced, in whole granules.
    ///
    /// Granules that were written back to what the base holds are forgotten here.
    package var dirtyRanges: [Range<Int64>] {
        get throws(BlockError) {
            try forgetUnchanged()
            var ranges: [Range<Int64>] = []
            for index in order {
                let range = granuleRange(index)
                if let last = ranges.last, last.upperBound == range.lowerBound {
                    ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    ranges.append(range)
                }
            }
            return ranges
        }
    }

    /// What was changed so far, as a value.
    package var patch: Patch {
        get throws(BlockError) {
            let ranges = try dirtyRanges
            return Patch(byteCount: byteCount, ranges: ranges, granules: granules, placed: placed)
        }
    }

    /// The first range at or after `offset` that may hold bytes other than zero: data of the base or a granule.
    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        guard offset < byteCount else { return nil }
        let from = max(0, offset)
        let below = try base.nextData(from: from)
        guard var position = firstGranule(from: from / Self.wideGranule) else { return below }
        let start = max(from, order[position] * Self.wideGranule)
        if let below, below.lowerBound < start { return below }
        var end = granuleRange(order[position]).upperBound
        position += 1
        while position < order.count, order[position] * Self.wideGranule == end {
            end = granuleRange(order[position]).upperBound
            position += 1
        }
        if let below, below.lowerBound <= end { end = max(end, below.upperBound) }
        return start..<end
    }
}

extension Overlay {
    private static var wideGranule: Int64 { Int64(granuleSize) }
    private static let zeros = [UInt8](repeating: 0, count: granuleSize)

    /// Length in bytes of a granule that begins inside the device.
    private func granuleLength(_ index: Int64) -> Int {
        Int(min(Self.wideGranule, byteCount - index * Self.wideGranule))
    }

    private func granuleRange(_ index: Int64) -> Range<Int64> {
        let start = index * Self.wideGranule
        return start..<(start + Int64(granuleLength(index)))
    }

    private func baseGranule(_ index: Int64) throws(BlockError) -> [UInt8] {
        let bytes = try base.bytes(at: index * Self.wideGranule, count: granuleLength(index))
        counters.readFromBase += Int64(bytes.count)
        return bytes
    }

    private var order: [Int64] {
        if let cachedOrder { return cachedOrder }
        let sorted = (Array(granules.keys) + placed.indices).sorted()
        cachedOrder = sorted
        return sorted
    }

    /// Where in `order` the first granule with at least this index stands.
    private func firstGranule(from index: Int64) -> Int? {
        let order = order
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if order[middle] < index { low = middle + 1 } else { high = middle }
        }
        return low < order.count ? low : nil
    }

    /// The end of the run of bytes from `position` on that only the base holds.
    private func cleanEnd(from position: Int64, limit: Int64) -> Int64 {
        if granules.isEmpty && placed.isEmpty { return limit }
        var index = position / Self.wideGranule + 1
        while index * Self.wideGranule < limit, granules[index] == nil, !placed.has(index) { index += 1 }
        return min(limit, index * Self.wideGranule)
    }

    private func forgetUnchanged() throws(BlockError) {
        for index in unchecked.sorted() {
            if try granules[index] == baseGranule(index) { granules[index] = nil }
            unchecked.remove(index)
        }
        cachedOrder = nil
    }
}
