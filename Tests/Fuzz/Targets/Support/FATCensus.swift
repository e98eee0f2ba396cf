import Blocks

/// Walks a FAT volume by rules of its own, to tell whether each cluster belongs to one file at most.
///
/// Where two files share a cluster, changing one rightly changes the other: such a volume proves nothing. Layout and
/// entries as in Microsoft's FAT specification, sections 3, 4 and 6.
struct FATCensus {
    private let image: PatchedImage
    private let bits: Int
    private let tableOffset: Int
    private let rootOffset: Int
    private let rootByteCount: Int
    private let dataOffset: Int
    private let clusterSize: Int
    private let rootCluster: Int
    private var owned: Set<Int> = []

    private struct Doubt: Error {}

    /// False also when the walk meets anything that it does not understand.
    static func isUnambiguous(_ image: PatchedImage) -> Bool {
        guard var census = try? FATCensus(image) else { return false }
        return (try? census.walk()) != nil
    }

    private init(_ image: PatchedImage) throws {
        self.image = image
        let boot = try image.bytes(at: 0, count: 512)
        let number = { (offset: Int, count: Int) in
            (0..<count).reduce(0) { $0 | Int(boot[offset + $1]) << (8 * $1) }
        }
        let sector = number(11, 2)
        let isWide = number(22, 2) == 0
        let length = (isWide ? number(36, 4) : number(22, 2)) * sector
        let active = isWide && number(40, 2) & 0x80 != 0 ? number(40, 2) & 15 : 0
        clusterSize = number(13, 1) * sector
        guard clusterSize > 0 else { throw Doubt() }
        tableOffset = number(14, 2) * sector + active * length
        rootOffset = number(14, 2) * sector + number(16, 1) * length
        rootByteCount = number(17, 2) * 32
        dataOffset = rootOffset + rootByteCount
        rootCluster = isWide ? number(44, 4) : 0
        let total = (number(19, 2) != 0 ? number(19, 2) : number(32, 4)) * sector
        let clusters = (total - dataOffset) / clusterSize
        bits = isWide ? 32 : clusters < 4085 ? 12 : 16
    }

    private mutating func walk() throws {
        var folders: [[UInt8]] = []
        if bits == 32 {
            folders.append(try content(of: rootCluster))
        } else {
            folders.append(try image.bytes(at: Int64(rootOffset), count: rootByteCount))
        }
        while let folder = folders.popLast() {
            for start in stride(from: 0, to: folder.count - 31, by: 32) {
                let entry = folder[start..<(start + 32)]
                let byte = { (offset: Int) in Int(entry[start + offset]) }
                // Not what is deleted, a long name, the label, `.` or `..`.
                if byte(0) == 0 { break }
                if byte(0) == 0xE5 || byte(11) & 0x08 != 0 || byte(0) == 0x2E { continue }
                let high = bits == 32 ? byte(20) | byte(21) << 8 : 0
                let first = byte(26) | byte(27) << 8 | high << 16
                guard first != 0 else { continue }
                let chain = try chain(from: first)
                if byte(11) & 0x10 != 0 { folders.append(try content(of: chain)) }
            }
        }
    }

    private mutating func content(of first: Int) throws -> [UInt8] { try content(of: try chain(from: first)) }

    private func content(of chain: [Int]) throws -> [UInt8] {
        try chain.flatMap { try image.bytes(at: Int64(dataOffset + ($0 - 2) * clusterSize), count: clusterSize) }
    }

    /// The clusters of a chain, none of which may be anyone else's.
    private mutating func chain(from first: Int) throws -> [Int] {
        var chain: [Int] = []
        var cluster = first
        let end = (bits == 32 ? 0x0FFF_FFF8 : 1 << bits - 8)
        while cluster < end {
            guard cluster >= 2, owned.insert(cluster).inserted, chain.count < 100_000 else { throw Doubt() }
            chain.append(cluster)
            cluster = try next(cluster)
        }
        return chain
    }

    private func next(_ cluster: Int) throws -> Int {
        let offset = Int64(tableOffset + cluster * bits / 8)
        let bytes = try image.bytes(at: offset, count: bits == 32 ? 4 : 2)
        let value = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        switch bits {
        case 12: return value >> (cluster & 1 == 0 ? 0 : 4) & 0xFFF
        case 16: return value
        default: return value & 0x0FFF_FFFF
        }
    }
}
