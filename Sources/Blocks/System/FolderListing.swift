import Glibc

/// The names in a folder of this machine, without `.` and `..`, in the order of their bytes.
package enum FolderListing {
    /// As text, in which bytes that are no UTF-8 are replaced; nil and errno when the folder cannot be read.
    package static func names(in folder: String) -> [String]? {
        storedNames(in: folder)?.map { String(decoding: $0, as: UTF8.self) }
    }

    /// As they are stored; nil and errno when the folder cannot be read.
    package static func storedNames(in folder: String) -> [[UInt8]]? {
        guard let stream = opendir(folder) else { return nil }
        return names(in: stream)
    }

    /// As they are stored; `descriptor` is closed. Nil and errno when the folder cannot be read.
    package static func names(closing descriptor: CInt) -> [[UInt8]]? {
        guard let stream = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            errno = code
            return nil
        }
        return names(in: stream)
    }

    private static func names(in stream: OpaquePointer) -> [[UInt8]]? {
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
        }
        guard errno == 0 else { return nil }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
