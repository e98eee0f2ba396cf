import Blocks
import Glibc
import Reports

/// Writes a file from front to back and leaves holes where 4 KiB blocks hold only zeros.
struct SparseWriter: ~Copyable {
    static let blockSize = 4096
    private static let bufferSize = 1 << 20
    private static let zeros = [UInt8](repeating: 0, count: blockSize)

    let file: OpenFile
    /// Bytes given so far.
    private(set) var byteCount: Int64 = 0
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0

    /// Writes into an empty file.
    init(file: OpenFile) {
        self.file = file
        buffer = .allocate(byteCount: Self.bufferSize, alignment: Self.blockSize)
    }

    deinit {
        buffer.deallocate()
    }

    /// Takes the next bytes; the blocks lie on the file's own 4 KiB grid whatever the pieces are.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(BaseImageError) {
        try checkRoom(for: Int64(bytes.count))
        var rest = bytes
        while !rest.isEmpty {
            if filled == 0, rest.count >= Self.bufferSize {
                let whole = rest.count / Self.bufferSize * Self.bufferSize
                try store(UnsafeRawBufferPointer(rebasing: rest[..<whole]))
                rest = UnsafeRawBufferPointer(rebasing: rest[whole...])
            } else {
                let count = min(rest.count, Self.bufferSize - filled)
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + count)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                filled += count
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                if filled == Self.bufferSize { try flush() }
            }
        }
    }

    /// Takes `count` zero bytes; a hole of any size costs nothing.
    mutating func appendZeros(_ count: Int64) throws(BaseImageError) {
        try checkRoom(for: max(0, count))
        let toGrid = Int64((Self.blockSize - filled % Self.blockSize) % Self.blockSize)
        let first = min(max(0, count), toGrid)
        try appendFewZeros(Int(first))
        let rest = max(0, count) - first
        let whole = rest / Int64(Self.blockSize) * Int64(Self.blockSize)
        if whole > 0 {
            try flush()
            byteCount += whole
        }
        try appendFewZeros(Int(rest - whole))
    }

    /// Takes less than a block of zeros.
    private mutating func appendFewZeros(_ count: Int) throws(BaseImageError) {
        try Self.zeros.span.withUnsafeBytes { (zeros) throws(BaseImageError) in
            try append(UnsafeRawBufferPointer(rebasing: zeros[..<count]))
        }
    }

    private func checkRoom(for count: Int64) throws(BaseImageError) {
        let (end, overflow) = (byteCount + Int64(filled)).addingReportingOverflow(count)
        guard !overflow, end <= BaseImage.byteLimit else {
            throw .tooLarge(byteCount: overflow ? .max : end, limit: BaseImage.byteLimit)
        }
    }

    /// Writes what is left and gives the file its size; returns that in bytes.
    mutating func finish() throws(BaseImageError) -> Int64 {
        try flush()
        let size = byteCount
        Work.add(decoded: size)
        try wrapping(file.resize(to: size), as: BaseImageError.block)
        return size
    }

    private mutating func flush() throws(BaseImageError) {
        guard filled > 0 else { return }
        try store(UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
        filled = 0
    }

    /// Writes the runs of blocks that are not all zero; every call but the last begins and ends on the grid.
    private mutating func store(_ bytes: UnsafeRawBufferPointer) throws(BaseImageError) {
        var runStart = 0
        var position = 0
        while position < bytes.count {
            let end = min(position + Self.blockSize, bytes.count)
            if Self.isZero(UnsafeRawBufferPointer(rebasing: bytes[position..<end])) {
                try write(bytes, runStart..<position)
                runStart = end
            }
            position = end
        }
        try write(bytes, runStart..<bytes.count)
        byteCount += Int64(bytes.count)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(BaseImageError) {
        guard !range.isEmpty else { return }
        let piece = UnsafeRawBufferPointer(rebasing: bytes[range])
        try wrapping(file.write(piece, at: byteCount + Int64(range.lowerBound)), as: BaseImageError.block)
    }

    private static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        guard let address = block.baseAddress else { return true }
        return zeros.withUnsafeBytes { zeros in
            zeros.baseAddress.map { memcmp(address, $0, block.count) == 0 } ?? true
        }
    }
}
