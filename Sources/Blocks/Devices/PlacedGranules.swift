/// Granules of an image whose bytes are read from somewhere else when they are wanted: a large file that is put into it.
struct PlacedGranules: Equatable, Sendable {
    private struct Place: Equatable, Sendable {
        /// In `readers`.
        var reader: Int
        /// Where the granule begins in it.
        var offset: Int64
    }

    private var places: [Int64: Place] = [:]
    private var readers: [any BlockReader] = []

    static func == (a: Self, b: Self) -> Bool { a.places == b.places }

    var isEmpty: Bool { places.isEmpty }
    var count: Int { places.count }
    var indices: [Int64] { Array(places.keys) }

    func has(_ index: Int64) -> Bool { !places.isEmpty && places[index] != nil }

    mutating func put(_ reader: any BlockReader, from start: Int64, at indices: Range<Int64>) {
        readers.append(reader)
        for index in indices {
            places[index] = Place(
                reader: readers.count - 1, offset: start + (index - indices.lowerBound) * Int64(Overlay.granuleSize))
        }
    }

    mutating func remove(_ index: Int64) {
        if !places.isEmpty { places[index] = nil }
    }

    /// How many granules from `index` on, at most `limit`, lie side by side in one reader.
    func runLength(from index: Int64, limit: Int) -> Int {
        guard let first = places[index] else { return 0 }
        var count = 1
        while count < limit, let next = places[index + Int64(count)], next.reader == first.reader,
            next.offset == first.offset + Int64(count * Overlay.granuleSize)
        {
            count += 1
        }
        return count
    }

    /// Fills the buffer from a run of granules, which is as long.
    func read(into buffer: inout MutableRawSpan, of index: Int64, skipping skip: Int) throws(BlockError) {
        guard let place = places[index] else { return }
        try readers[place.reader].read(into: &buffer, at: place.offset + Int64(skip))
    }

    func bytes(of index: Int64, count: Int = 1) throws(BlockError) -> [UInt8] {
        guard let place = places[index] else { return [] }
        return try readers[place.reader].bytes(at: place.offset, count: count * Overlay.granuleSize)
    }
}
