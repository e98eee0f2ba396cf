import Bases
import CArchive
import Glibc
package import Initramfs
import Reports

/// What an initramfs holds, as far as it decides whether a node finds its root with it.
package struct InitramfsContent {
    /// Permission bits of files by name, without a leading `/` or `./`.
    package private(set) var modes: [String: UInt16] = [:]
    /// The bytes of the few files that are read.
    private(set) var texts: [String: String] = [:]

    private static let byteLimit: Int64 = 1 << 20
    /// Unpacked, in bytes: far more than any Pi could hold.
    private static let unpackedLimit = 128 << 20
    /// Far more files than any initramfs has.
    private static let fileLimit = 100_000
    static let gadgetSettings = "etc/gadget"
    static let gadgetScript = "scripts/nfs-top/00_clusterctrl"

    /// Reads one archive or several after each other, packed or not; throws why it cannot be read.
    package init(_ bytes: [UInt8]) throws(PackedBytes.Failure) {
        var unpacked: [UInt8] = []
        var start = 0
        // The kernel takes plain archives and packed ones in any order (Linux, init/initramfs.c).
        while start < bytes.count {
            if bytes[start...].starts(with: Array("070701".utf8)) {
                let end = Self.end(ofArchiveAt: start, in: bytes)
                unpacked = Array(bytes[start..<end])
                try read(unpacked)
                start = end
            } else if bytes[start] == 0 {
                start += 1
            } else {
                unpacked = try PackedBytes.unpacked(Array(bytes[start...]), limit: Self.unpackedLimit)
                try read(unpacked)
                return
            }
        }
        if modes.isEmpty { throw PackedBytes.Failure(reason: "it holds nothing") }
    }

    /// After the entry TRAILER!!!, which ends an archive, and the zeros that fill its last four bytes.
    private static func end(ofArchiveAt start: Int, in bytes: [UInt8]) -> Int {
        let mark = Array("TRAILER!!!\0".utf8)
        let found = bytes.withUnsafeBytes { $0.offset(of: mark, from: start) }
        return found.map { min(start + ($0 + mark.count - start + 3) / 4 * 4, bytes.count) } ?? bytes.count
    }

    /// Names are no longer than paths may be: libarchive takes as much memory as a header says, up to 4 GiB. The sizes of
    /// an entry are eight hexadecimal digits (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
    private static func checkNames(_ archive: [UInt8]) throws(PackedBytes.Failure) {
        var place = 0
        while archive.count - place >= 110, archive[place...].starts(with: Array("07070".utf8)) {
            guard let size = number(archive[(place + 54)..<(place + 62)]), size >= 0,
                let length = number(archive[(place + 94)..<(place + 102)]), (1...4096).contains(length)
            else { throw PackedBytes.Failure(reason: "a header has no length of a name that can be") }
            let name = archive[(place + 110)...].prefix(length)
            if name.starts(with: Array("TRAILER!!!".utf8)) { return }
            place += (110 + length + 3) / 4 * 4 + (size + 3) / 4 * 4
        }
        if place < archive.count, !archive[place...].allSatisfy({ $0 == 0 }) {
            throw PackedBytes.Failure(reason: "it does not go on with a header")
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func read(_ archive: [UInt8]) throws(PackedBytes.Failure) {
        // Of the older forms of cpio no field is as long.
        if archive.starts(with: Array("070701".utf8)) || archive.starts(with: Array("070702".utf8)) {
            try Self.checkNames(archive)
        }
        guard let reader = archive_read_new() else { throw PackedBytes.Failure(reason: "out of memory") }
        defer { archive_read_free(reader) }
        archive_read_support_format_cpio(reader)
        var failure: PackedBytes.Failure?
        archive.withUnsafeBytes { input in
            guard archive_read_open_memory(reader, input.baseAddress, input.count) == ARCHIVE_OK else {
                return failure = PackedBytes.Failure(reader)
            }
            var entry: OpaquePointer?
            while true {
                let status = archive_read_next_header(reader, &entry)
                if status == ARCHIVE_EOF { return }
                guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
                    return failure = PackedBytes.Failure(reader)
                }
                note(entry, of: reader)
                guard modes.count <= Self.fileLimit else {
                    return failure = PackedBytes.Failure(reason: "it holds more than \(Self.fileLimit) files")
                }
            }
        }
        if let failure { throw failure }
    }

    private mutating func note(_ entry: OpaquePointer, of reader: OpaquePointer) {
        guard let pointer = archive_entry_pathname(entry) else { return }
        var name = String(cString: pointer)[...]
        while name.hasPrefix("./") || name.hasPrefix("/") { name = name.dropFirst(name.hasPrefix("/") ? 1 : 2) }
        let path = String(name)
        modes[path] = UInt16(archive_entry_perm(entry) & 0o7777)
        guard path == Self.gadgetSettings || path == Self.gadgetScript || path == "init",
            (0...Self.byteLimit).contains(archive_entry_size(entry))
        else { return }
        var bytes = [UInt8](repeating: 0, count: Int(archive_entry_size(entry)))
        let count = bytes.withUnsafeMutableBytes { archive_read_data(reader, $0.baseAddress, $0.count) }
        texts[path] = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    // MARK: What it is

    /// It was made by piforge.
    package var isOurs: Bool { texts[Self.gadgetSettings] != nil && texts["init"]?.contains("netboot:") == true }

    /// The kernels whose modules it has.
    package var versions: Set<String> {
        var versions: Set<String> = []
        for name in modes.keys {
            let parts = name.split(separator: "/").map(String.init)
            if parts.count >= 2, parts[0] == "modules", parts[1] != "more" { versions.insert(parts[1]) }
            if let at = parts.firstIndex(of: "modules"), at > 0, parts[at - 1] == "lib", at + 1 < parts.count {
                versions.insert(parts[at + 1])
            }
        }
        return versions
    }

    /// The names of the modules for a kernel.
    package func modules(of version: String) -> Set<String> {
        var names: Set<String> = []
        for path in modes.keys where path.contains("/\(version)/") || path.hasPrefix("modules/\(version)/") {
            guard let file = path.split(separator: "/").last, file.contains(".ko") else { continue }
            // Ours have a number in front.
            let digits = file.prefix(while: { $0.isNumber })
            let isNumbered = isOurs && !digits.isEmpty && file.dropFirst(digits.count).hasPrefix("-")
            names.insert(ModuleIndex.name(of: String(isNumbered ? file.dropFirst(digits.count + 1) : file)))
        }
        return names
    }
}
