package import Blocks

/// A file format that is a row of blocks, each of which can be unpacked alone.
package enum PackedFormat: String, Equatable, Sendable, CaseIterable {
    /// Blocks of streams, with an index at the end of each stream.
    case xz
    /// Frames (RFC 8878, section 3.1).
    case zstd
    /// Members (RFC 1952, section 2.2).
    case gzip

    /// What a file's name ends in.
    package var suffix: String {
        switch self {
        case .xz: "xz"
        case .zstd: "zst"
        case .gzip: "gz"
        }
    }
}

/// One packed block in memory.
package struct PackedPiece: Equatable, Sendable {
    /// All its bytes as they stand in a file; those of an xz block end with its padding and check.
    package var bytes: [UInt8]
    /// Bytes when unpacked.
    package var imageByteCount: Int64
    /// What an xz index records: the length without padding; in the other formats the length.
    package var unpaddedByteCount: Int64
    /// The xz check it ends in (.xz file format, section 2.1.1.2); 0 in the other formats.
    package var check: UInt8
}

/// Where one packed block lies in a file, and what part of the image it holds; all numbers are bytes.
package struct PackedBlock: Equatable, Sendable {
    package var file: Range<Int64>
    package var image: Range<Int64>
    package var unpaddedByteCount: Int64
    package var check: UInt8

    package init(file: Range<Int64>, image: Range<Int64>, unpaddedByteCount: Int64, check: UInt8) {
        self.file = file
        self.image = image
        self.unpaddedByteCount = unpaddedByteCount
        self.check = check
    }
}

/// A packed file, open for reading, with the places of its blocks.
package struct PackedImage: Sendable {
    package let format: PackedFormat
    package let file: OpenFile
    /// In order; they cover the image, or the part of it that was packed, without a gap.
    package let blocks: [PackedBlock]

    package init(format: PackedFormat, file: OpenFile, blocks: [PackedBlock]) {
        self.format = format
        self.file = file
        self.blocks = blocks
    }

    /// The blocks of an .xz file; those that hold nothing are left out.
    package init(_ file: OpenFile, index: XZIndex) {
        format = .xz
        self.file = file
        blocks = index.blocks.filter { $0.uncompressedSize > 0 }.map { block in
            PackedBlock(
                file: block.compressedRange, image: block.range, unpaddedByteCount: block.unpaddedSize,
                check: index.streams.indices.contains(block.stream) ? index.streams[block.stream].checkID : 0)
        }
    }

    /// The part of the image that the blocks hold.
    package var range: Range<Int64> {
        (blocks.first?.image.lowerBound ?? 0)..<(blocks.last?.image.upperBound ?? 0)
    }
}
