import Blocks
import Glibc

/// A mount as /proc/self/mountinfo lists it (proc_pid_mountinfo(5)).
package struct MountInfo: Equatable, Sendable {
    /// `8:1`: the device; major 0 for file systems of several devices and of none.
    package var device: String
    /// Where it is, from the root of the process.
    package var point: String
    /// What the mounter named: a device, or anything.
    package var source: String

    /// One for each line that can be understood.
    package static func parse(_ bytes: [UInt8]) -> [MountInfo] {
        bytes.split(separator: 0x0A).compactMap { line in
            let fields = line.split(separator: 0x20)
            // After six fields come any number of optional ones, then a dash.
            guard fields.count >= 10,
                let dash = fields.dropFirst(6).firstIndex(where: { $0.elementsEqual([0x2D]) }), dash + 2 < fields.count
            else { return nil }
            return MountInfo(
                device: String(decoding: fields[2], as: UTF8.self), point: unescaped(fields[4]),
                source: unescaped(fields[dash + 2]))
        }
    }

    /// Blanks, tabs, line ends and backslashes stand there as `\040` and the like.
    package static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == 0x5C, digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(digits.reduce(UInt8(0)) { $0 &* 8 &+ ($1 - 0x30) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension MountInfo {
    /// Where something is mounted on the folder at `path` or below it, as this process sees it; nil when the kernel does
    /// not tell.
    package static func points(in path: String) -> [String]? {
        guard let real = realpath(path, nil) else { return errno == ENOENT ? [] : nil }
        defer { free(real) }
        let folder = String(cString: real)
        guard let bytes = bytes(of: "/proc/self/mountinfo") else { return nil }
        return parse(bytes).map(\.point).filter { $0 == folder || $0.hasPrefix(folder == "/" ? "/" : folder + "/") }
    }

    /// The number of the mount that an open file lies on, which tells a folder from one that is mounted over another of
    /// the same file system.
    package static func number(of descriptor: Int32) -> Int? {
        guard let bytes = bytes(of: "/proc/self/fdinfo/\(descriptor)") else { return nil }
        for line in bytes.split(separator: 0x0A) {
            let words = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
            guard words.count == 2, words[0].elementsEqual("mnt_id:".utf8) else { continue }
            return Int(String(decoding: words[1], as: UTF8.self))
        }
        return nil
    }

    /// Of a file of procfs, which tells no size.
    private static func bytes(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return Transfer.rest(of: descriptor, limit: .max)
    }
}
