import Readers
import Bases
package import Blocks
import Glibc
package import Reports

/// A block map (.bmap) that somebody made of an image: which ranges hold something, and what their digests are.
package struct ForeignBmap: Equatable, Sendable {
    package struct Part: Equatable, Sendable {
        /// In bytes.
        package var range: Range<Int64>
        /// SHA-256; nil when the map has none.
        var digest: SHA256Digest?
    }

    package var imageByteCount: Int64
    package var parts: [Part]

    /// Whether every part has a digest.
    package var isComplete: Bool { parts.allSatisfy { $0.digest != nil } }

    private static let byteLimit = 16 << 20
    /// Bytes of an image at most: so much that no sum of these numbers is too large for its type.
    private static let sizeLimit: Int64 = 1 << 60

    /// The map beside an image, `IMAGE.bmap` or without the ending of its packing; nil when there is none.
    package static func beside(_ path: String) throws(ForgeError) -> ForeignBmap? {
        var candidates = [path + ".bmap"]
        if let dot = path.lastIndex(of: "."), !path[dot...].contains("/") { candidates.append(path[..<dot] + ".bmap") }
        for candidate in candidates where access(candidate, F_OK) == 0 {
            let bytes = try wrapping(
                OpenFile(path: candidate, flags: O_RDONLY | O_NONBLOCK).prefix(byteLimit),
                as: { ForgeError($0, reading: candidate) })
            guard let map = ForeignBmap(bytes) else {
                throw ForgeError(
                    .badInput, "could not read \(candidate): it is no block map, or was changed since it was made",
                    hint: "take it away, or make it anew: bmaptool create -o \(ForgeError.quoted(candidate)) IMAGE")
            }
            return map
        }
        return nil
    }

    /// Reads versions 1.4 and 2.0 of the format with SHA-256; nil for anything else, for ranges outside the image or out
    /// of order, and for a file whose own digest is wrong.
    package init?(_ bytes: [UInt8]) {
        let file = ElementText(bytes[...])
        guard file.firstRange(of: "<bmap version=\"") != nil, let size = file.number("ImageSize"),
            let blockSize = file.number("BlockSize"), size >= 0, size <= Self.sizeLimit,
            (512...1 << 20).contains(blockSize)
        else { return nil }
        // The digest is that of the file with zeros in its place.
        guard file.content("ChecksumType")?.trimmed == "sha256", let own = file.content("BmapFileChecksum"),
            let digest = SHA256Digest(hex: own.trimmed)
        else { return nil }
        var blank = bytes
        for index in own.bytes.indices where ElementText.isWordByte(bytes[index]) { blank[index] = UInt8(ascii: "0") }
        guard SHA256.digest(of: blank.span.bytes) == digest else { return nil }
        var parts: [Part] = []
        for element in file.parts(after: "<Range", before: "</Range>") {
            guard let close = element.bytes.firstIndex(of: UInt8(ascii: ">")) else { return nil }
            let numbers = ElementText(element.bytes[(close + 1)...]).trimmed.split(separator: "-").map {
                Int64(String($0).trimmedBlanks)
            }
            guard (1...2).contains(numbers.count), let first = numbers[0], let last = numbers[numbers.count - 1],
                first >= 0, first <= last, last <= size / blockSize
            else { return nil }
            let range = first * blockSize..<min((last + 1) * blockSize, size)
            guard !range.isEmpty, range.lowerBound >= parts.last?.range.upperBound ?? 0 else { return nil }
            let digest = ElementText(element.bytes[..<close]).parts(after: "chksum=\"", before: "\"").first
            parts.append(Part(range: range, digest: digest.flatMap { SHA256Digest(hex: $0.trimmed) }))
        }
        imageByteCount = size
        self.parts = parts
    }

    /// Throws unless the image is what the map was made of.
    package func check(_ image: any BlockReader, path: String, observe: Progress.Observer) throws(ForgeError) {
        guard image.byteCount == imageByteCount else {
            throw ForgeError(
                .badInput,
                "could not use \(path): it holds \(image.byteCount) bytes, its block map says \(imageByteCount)",
                hint: "take the .bmap away, or download both again")
        }
        for part in parts where part.digest != nil {
            var hasher = SHA256()
            for piece in [part.range].parts(in: part.range, upTo: 4 << 20) {
                try Interruption.check()
                let bytes = try BlockError.wrapping(image.bytes(at: piece.lowerBound, count: piece.count))
                hasher.update(bytes.span.bytes)
                observe(Progress(stage: .hash, subject: path, done: piece.upperBound, total: image.byteCount))
            }
            guard hasher.finalize() == part.digest else {
                throw ForgeError(
                    .badInput,
                    "could not use \(path): bytes \(part.range.lowerBound)-\(part.range.upperBound - 1) are not what its "
                        + "block map says", hint: "download it again")
            }
        }
    }
}

/// A part of an XML text, looked through byte by byte: a map has megabytes.
private struct ElementText {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    func firstRange(of text: String) -> Range<Int>? {
        let wanted = Array(text.utf8)
        let found = bytes.withUnsafeBytes { $0.offset(of: wanted, from: 0) }
        return found.map { bytes.startIndex + $0..<bytes.startIndex + $0 + wanted.count }
    }

    /// What stands between each `start` and the next `end`.
    func parts(after start: String, before end: String) -> [ElementText] {
        var found: [ElementText] = []
        var rest = self
        while let from = rest.firstRange(of: start) {
            rest = ElementText(bytes[from.upperBound...])
            guard let to = rest.firstRange(of: end) else { return found }
            found.append(ElementText(bytes[from.upperBound..<to.lowerBound]))
            rest = ElementText(bytes[to.upperBound...])
        }
        return found
    }

    func content(_ name: String) -> ElementText? {
        firstRange(of: "<\(name)>").flatMap { start in
            let rest = ElementText(bytes[start.upperBound...])
            return rest.firstRange(of: "</\(name)>").map { ElementText(bytes[start.upperBound..<$0.lowerBound]) }
        }
    }

    func number(_ name: String) -> Int64? { content(name).flatMap { Int64($0.trimmed) } }

    /// Without the blanks at both ends.
    var trimmed: String { String(decoding: bytes, as: UTF8.self).trimmedBlanks }

    static func isWordByte(_ byte: UInt8) -> Bool { ![0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}
