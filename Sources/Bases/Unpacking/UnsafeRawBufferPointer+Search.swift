import Glibc

extension UnsafeRawBufferPointer {
    /// Where `needle`, which is not empty, occurs first from an offset on.
    package func offset(of needle: [UInt8], from start: Int) -> Int? {
        guard let baseAddress, let first = needle.first else { return nil }
        var place = start
        while place <= count - needle.count {
            guard let found = memchr(baseAddress + place, CInt(first), count - place) else { return nil }
            place = UnsafeRawPointer(found) - baseAddress
            if place <= count - needle.count, memcmp(found, needle, needle.count) == 0 { return place }
            place += 1
        }
        return nil
    }
}
