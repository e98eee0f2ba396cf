import Blocks
import Trees

/// The file allocation table: for every cluster the next one of its chain.
///
/// Pages are read when they are needed and kept while they are changed; `flush` writes the changed sectors alone, to
/// every copy. Entries of FAT32 have 28 bits, the upper 4 stay as they are (fatgen103, "FAT Data Structure").
///
///     entry      FAT12   FAT16      FAT32          entry 0: media byte
///     free         000    0000    0000000          entry 1: FAT16 8000 and FAT32 8000000 cleanly unmounted,
///     next      2..max  2..max     2..max                   FAT16 4000 and FAT32 4000000 no read errors
///     bad          FF7    FFF7    FFFFFF7
///     end      FF8-FFF  FFF8..   FFFFFF8..
final class AllocationTable {
    enum Entry: Equatable {
        case free
        case next(Int)
        case end
        case bad
        /// A number that is no cluster of this volume.
        case invalid(Int)
    }

    private let device: any BlockDevice
    private let boot: BootSector
    /// Bytes of the table that hold entries, up to a whole sector.
    private let byteCount: Int
    private let pageByteCount: Int
    private var pages: [Int: [UInt8]] = [:]
    private var changedSectors: Set<Int> = []
    private var changedPages: Set<Int> = []

    /// Unchanged pages in memory at most.
    private static let pageLimit = 64

    init(device: any BlockDevice, boot: BootSector) {
        self.device = device
        self.boot = boot
        let needed = ((boot.clusterCount + 2) * boot.kind.rawValue + 7) / 8
        byteCount = (needed + boot.bytesPerSector - 1) / boot.bytesPerSector * boot.bytesPerSector
        // Entries of FAT12 straddle sectors, and its table is small: one page.
        pageByteCount = boot.kind == .fat12 ? byteCount : 4096
    }

    /// False after a mount that was not ended; FAT12 has no such bit.
    func isCleanlyUnmounted() throws(VolumeError) -> Bool {
        switch boot.kind {
        case .fat12: true
        case .fat16: try value(1) & 0x8000 != 0
        case .fat32: try value(1) & 0x0800_0000 != 0
        }
    }

    /// False after a driver met a read or write error; FAT12 has no such bit.
    func isFreeOfErrors() throws(VolumeError) -> Bool {
        switch boot.kind {
        case .fat12: true
        case .fat16: try value(1) & 0x4000 != 0
        case .fat32: try value(1) & 0x0400_0000 != 0
        }
    }

    /// What is recorded for a cluster out of `boot.clusters`.
    func entry(_ cluster: Int) throws(VolumeError) -> Entry {
        let value = try value(cluster)
        if value == 0 { return .free }
        if boot.clusters.contains(value) { return .next(value) }
        if value == endMark - 8 { return .bad }
        return value > endMark - 8 ? .end : .invalid(value)
    }

    /// The `count` free clusters found first at or after `start`, going on from the lowest; nil when there are fewer.
    func freeClusters(_ count: Int, from start: Int) throws(VolumeError) -> [Int]? {
        guard count > 0 else { return [] }
        guard count <= boot.clusterCount else { return nil }
        let start = boot.clusters.contains(start) ? start : boot.clusters.lowerBound
        var found: [Int] = []
        for range in [start..<boot.clusters.upperBound, boot.clusters.lowerBound..<start] {
            try collectFree(in: range, upTo: count, into: &found)
            if found.count == count { return found }
        }
        return nil
    }

    /// Chains `clusters` in their order, the first one after `last` unless that is nil, and ends the chain.
    func append(_ clusters: [Int], after last: Int?) throws(VolumeError) {
        var previous = last
        for cluster in clusters {
            if let previous { try setValue(cluster, of: previous) }
            previous = cluster
        }
        if let previous, !clusters.isEmpty { try setValue(endMark, of: previous) }
    }

    /// Ends a chain at `cluster`.
    func end(at cluster: Int) throws(VolumeError) {
        try setValue(endMark, of: cluster)
    }

    func free(_ clusters: some Sequence<Int>) throws(VolumeError) {
        for cluster in clusters { try setValue(0, of: cluster) }
    }

    /// Writes what has changed since the last time to every copy in use.
    func flush() throws(VolumeError) {
        let copies = boot.activeTable.map { [$0] } ?? Array(0..<boot.tableCount)
        let sectors = changedSectors.sorted()
        for copy in copies {
            for sector in sectors {
                let offset = sector * boot.bytesPerSector
                guard let page = pages[offset / pageByteCount] else { continue }
                let start = offset % pageByteCount
                let bytes = page.span.bytes.extracting(start..<start + boot.bytesPerSector)
                try device.put(bytes, at: boot.tableOffset(copy) + Int64(offset))
            }
        }
        changedSectors = []
        changedPages = []
    }

    // MARK: Entries

    /// The value that ends a chain: all bits set.
    private var endMark: Int {
        switch boot.kind {
        case .fat12: 0xFFF
        case .fat16: 0xFFFF
        case .fat32: 0x0FFF_FFFF
        }
    }

    private func value(_ index: Int) throws(VolumeError) -> Int {
        let offset = index * boot.kind.rawValue / 8
        let page = try page(offset / pageByteCount)
        let place = offset % pageByteCount
        return switch boot.kind {
        case .fat12: Int(page.span.u16(at: place)) >> (index & 1 == 0 ? 0 : 4) & 0xFFF
        case .fat16: Int(page.span.u16(at: place))
        case .fat32: Int(page.span.u32(at: place) & 0x0FFF_FFFF)
        }
    }

    private func setValue(_ value: Int, of index: Int) throws(VolumeError) {
        let offset = index * boot.kind.rawValue / 8
        let number = offset / pageByteCount
        var page = try page(number)
        pages[number] = nil  // so that the array is changed in place
        let place = offset % pageByteCount
        let bits = UInt32(truncatingIfNeeded: value)
        switch boot.kind {
        case .fat12:
            let shift = index & 1 == 0 ? 0 : 4
            let old = UInt32(page.span.u16(at: place))
            page.set(UInt16(truncatingIfNeeded: old & ~(0xFFF << shift) | bits << shift), at: place)
        case .fat16:
            page.set(UInt16(truncatingIfNeeded: bits), at: place)
        case .fat32:
            page.set(page.span.u32(at: place) & 0xF000_0000 | bits, at: place)
        }
        pages[number] = page
        changedPages.insert(number)
        changedSectors.insert(offset / boot.bytesPerSector)
        let last = offset + boot.kind.rawValue / 8
        if boot.kind == .fat12 { changedSectors.insert(last / boot.bytesPerSector) }
    }

    private func collectFree(in range: Range<Int>, upTo count: Int, into found: inout [Int]) throws(VolumeError) {
        try scan(range) { cluster, isFree in
            if isFree { found.append(cluster) }
            return found.count < count
        }
    }

    /// Clusters in a row that are not free, in order; bad ones count as used.
    func usedRuns() throws(VolumeError) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        try scan(boot.clusters) { cluster, isFree in
            if isFree, let first = start {
                runs.append(first..<cluster)
                start = nil
            } else if !isFree, start == nil {
                start = cluster
            }
            return true
        }
        if let start { runs.append(start..<boot.clusters.upperBound) }
        return runs
    }

    /// Visits entries, a page at a time, until `visit` returns false.
    private func scan(_ range: Range<Int>, _ visit: (_ cluster: Int, _ isFree: Bool) -> Bool) throws(VolumeError) {
        if boot.kind == .fat12 {
            for cluster in range where try !visit(cluster, value(cluster) == 0) { return }
            return
        }
        let width = boot.kind.rawValue / 8
        let perPage = pageByteCount / width
        var index = range.lowerBound
        while index < range.upperBound {
            let page = try page(index / perPage)
            let span = page.span
            let stop = min(range.upperBound, (index / perPage + 1) * perPage)
            while index < stop {
                let place = index % perPage * width
                let isFree = width == 2 ? span.u16(at: place) == 0 : span.u32(at: place) & 0x0FFF_FFFF == 0
                guard visit(index, isFree) else { return }
                index += 1
            }
        }
    }

    // MARK: Pages

    private func page(_ number: Int) throws(VolumeError) -> [UInt8] {
        if let page = pages[number] { return page }
        let start = number * pageByteCount
        let count = min(pageByteCount, byteCount - start)
        let offset = boot.tableOffset(boot.activeTable ?? 0) + Int64(start)
        let page = try device.get(at: offset, count: count)
        if pages.count >= changedPages.count + Self.pageLimit {
            let changed = changedPages
            pages = pages.filter { changed.contains($0.key) }
        }
        pages[number] = page
        return page
    }
}
