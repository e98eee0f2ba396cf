import Blocks
import Glibc
import Reports

/// A Debian package file (deb(5)): an ar archive of `debian-binary`, `control.tar` and `data.tar`.
package struct DebFile {
    /// How `data.tar` is packed: `xz`, `zst`, `gz`, `bz2`, `lzma`; empty for not at all.
    package let dataPacking: String
    private let file: OpenFile
    private let control: Member
    private let data: Member

    private struct Member {
        var name: String
        var start: Int64
        var byteCount: Int64
    }

    /// Control files are far smaller, and so are the scripts beside them.
    private static let controlLimit = 1 << 20
    private static let controlMemberLimit: Int64 = 16 << 20
    /// What is read of the files in a package, unpacked, and how many of them.
    private static let dataLimit: Int64 = 4 << 30
    private static let fileLimit = 500_000

    package enum DecodingError: Error, Equatable {
        /// In words: "it is no Debian package".
        case unusable(String)
        case unpacking(BaseImageError)

        package var reason: String {
            switch self {
            case .unusable(let why): why
            case .unpacking(let error): "\(error)"
            }
        }
    }

    /// Reads the archive's headers.
    package init(path: String) throws(DecodingError) {
        let opened: OpenFile
        let size: Int64
        do throws(BlockError) {
            opened = try OpenFile(path: path, flags: O_RDONLY | O_NOCTTY | O_NONBLOCK)
            size = try opened.status().byteCount
        } catch {
            throw .unpacking(.block(error))
        }
        file = opened
        guard try Self.text(opened, 0, 8) == "!<arch>\n" else { throw .unusable("it is no Debian package") }
        var members: [Member] = []
        var at: Int64 = 8
        // Members whose names begin with `_` may stand between the three; anything may follow them.
        while at + 60 <= size, members.count < 16, !(members.last?.name.hasPrefix("data.tar") ?? false) {
            let header = try Self.text(opened, at, 60)
            let fields = [header.prefix(16), header.dropFirst(48).prefix(10)]
                .map { $0.prefix { $0 != " " && $0 != "/" } }
            guard header.utf8.count == 60, header.hasSuffix("`\n"), let count = Int64(fields[1]), count >= 0,
                count <= size - at - 60
            else { throw .unusable("its archive is damaged or ends too early") }
            members.append(Member(name: String(fields[0]), start: at + 60, byteCount: count))
            at += 60 + count + count % 2
        }
        guard members.first?.name == "debian-binary",
            let control = members.first(where: { $0.name.hasPrefix("control.tar") }),
            let data = members.last, data.name.hasPrefix("data.tar"), control.start < data.start
        else { throw .unusable("it is no Debian package, or ends too early") }
        self.control = control
        self.data = data
        dataPacking = String(data.name.dropFirst("data.tar.".count))
    }

    /// The bytes as they stand; fewer at the end of the file. Each is a character of its own.
    private static func text(_ file: OpenFile, _ offset: Int64, _ count: Int) throws(DecodingError) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let found: Int
        do throws(BlockError) {
            var span = bytes.mutableSpan
            found = try span.withUnsafeMutableBytes { (buffer) throws(BlockError) in
                try file.read(upTo: buffer, at: offset)
            }
        } catch {
            throw .unpacking(.block(error))
        }
        // A carriage return and a newline would be one character.
        return String(
            String.UnicodeScalarView(bytes.prefix(found).map { Unicode.Scalar($0 < 0x80 && $0 != 0x0D ? $0 : 0x3F) }))
    }

    /// The text of the file `control`.
    package func controlText() throws(DecodingError) -> String {
        guard control.byteCount <= Self.controlMemberLimit else { throw .unusable("its control.tar is too large") }
        var text: String?
        try visit(control) { (member, archive) throws(BaseImageError) in
            guard member.isRegular, member.name == "./control" || member.name == "control" else { return true }
            var bytes: [UInt8] = []
            try archive.readBlocks { (block, _) throws(BaseImageError) in
                guard bytes.count + block.count <= Self.controlLimit else {
                    throw .unsupported(found: "a package with a control file of more than a MiB")
                }
                bytes += block
            }
            text = String(decoding: bytes, as: UTF8.self)
            return false
        }
        guard let text else { throw .unusable("its control.tar has no file `control`") }
        return text
    }

    /// Hands out the bytes of all files that it installs: `take` gets a file's name, then its bytes piece by piece, and
    /// an empty piece at the end; it returns whether it wants more of that file. Packings that dpkg no longer writes are
    /// left out.
    package func forEachFile(
        _ take: (_ name: String, _ bytes: UnsafeRawBufferPointer) -> Bool
    ) throws(DecodingError) {
        guard ["", "gz", "xz", "zst"].contains(dataPacking) else { return }
        var total: Int64 = 0
        var count = 0
        try visit(data) { (member, archive) throws(BaseImageError) in
            count += 1
            guard count <= Self.fileLimit, total <= Self.dataLimit else {
                throw .unsupported(found: "a package with more than \(Self.dataLimit >> 30) GiB of files")
            }
            guard member.isRegular else { return true }
            while let (bytes, _) = try archive.nextBlock() {
                total += Int64(bytes.count)
                if bytes.isEmpty { continue }
                guard total <= Self.dataLimit, take(member.name, bytes) else { break }
            }
            _ = take(member.name, UnsafeRawBufferPointer(start: nil, count: 0))
            return true
        }
    }

    /// Goes through a tar's members until `body` returns false.
    private func visit(
        _ member: Member, _ body: (ArchiveReader.Member, ArchiveReader) throws(BaseImageError) -> Bool
    ) throws(DecodingError) {
        let job = UnpackContext(
            source: file, start: member.start, total: member.byteCount, progress: { _ in },
            isCancelled: { Interruption.isRequested })
        do throws(BaseImageError) {
            let format: BaseFormat
            let stream: any ByteStream
            switch member.name.split(separator: ".").last {
            case "tar"?: (format, stream) = (.tar, FileStream(job))
            case "gz"?: (format, stream) = (.gzip, try GzipStreamDecoder(job))
            case "xz"?: (format, stream) = (.xz, try XZStreamDecoder(job))
            case "zst"?: (format, stream) = (.zstd, try ZstdStreamDecoder(job))
            default: throw .unsupported(found: "a package whose \(member.name) is packed in an unknown way")
            }
            let archive = try ArchiveReader.tar(in: stream, format: format, path: file.path)
            while let found = try archive.next() {
                if job.isCancelled() { throw .cancelled }
                guard try body(found, archive) else { return }
            }
        } catch {
            throw .unpacking(error)
        }
    }
}
