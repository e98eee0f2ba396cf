import Glibc

/// read(2), write(2) and their like until all is done: each goes on after `EINTR` and after a short transfer.
package enum Transfer {
    /// Fills `buffer` from `offset` on; fewer bytes only at the end of the file. Nil and errno when that fails.
    package static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) -> Int? {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The first `count` bytes, or fewer when the file is shorter; nil and errno when they cannot be read.
    package static func prefix(of descriptor: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard let found = bytes.withUnsafeMutableBytes({ read(descriptor, into: $0, at: 0) }) else { return nil }
        return found == count ? bytes : Array(bytes.prefix(found))
    }

    /// What is left to be read, `limit` bytes at most, of whatever is read in order; nil and errno when that fails.
    package static func rest(of descriptor: CInt, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(limit, 64 << 10))
        while bytes.count < limit {
            let wanted = min(buffer.count, limit - bytes.count)
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, wanted) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// Writes all of `bytes`, from `offset` on or, without one, where the descriptor stands; false and errno when that
    /// fails.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int64? = nil
    ) -> Bool {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count =
                offset.map { pwrite(descriptor, rest.baseAddress, rest.count, off_t($0) + off_t(done)) }
                ?? Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if count == 0 { errno = EIO }
                return false
            }
            done += count
        }
        return true
    }
}
