/// Little-endian fields by offset; every caller has checked that the span is long enough.
extension Span<UInt8> {
    func u16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) | UInt16(self[offset + 1]) << 8
    }

    func u32(at offset: Int) -> UInt32 {
        UInt32(u16(at: offset)) | UInt32(u16(at: offset + 2)) << 16
    }
}

extension [UInt8] {
    /// Stores a little-endian value at `offset`, where the array is long enough for it.
    mutating func set(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value)
        self[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }

    /// Stores a little-endian value at `offset`, where the array is long enough for it.
    mutating func set(_ value: UInt32, at offset: Int) {
        set(UInt16(truncatingIfNeeded: value), at: offset)
        set(UInt16(truncatingIfNeeded: value >> 16), at: offset + 2)
    }
}
