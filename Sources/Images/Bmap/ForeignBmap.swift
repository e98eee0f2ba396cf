import Readers
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

    var imageByteCount: Int64
    package var parts: [Part]

    private static let byteLimit = 16 << 20

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
    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("<bmap version=\""), let size = Self.number("ImageSize", in: text),
            let blockSize = Self.number("BlockSize", in: text), size >= 0, (512...1 << 20).contains(blockSize)
        else { return nil }
        // The digest is that of the file with zeros in its place.
        guard Self.content("ChecksumType", in: text) == "sha256", let own = Self.content("BmapFileChecksum", in: text)
        else { return nil }
        let blank = Array(text.replacingFirst(own, with: String(repeating: "0", count: own.utf8.count)).utf8)
        guard SHA256.digest(of: blank.span.bytes).description == own else { return nil }
        var parts: [Part] = []
        for element in text.components(after: "<Range", before: "</Range>") {
            guard let close = element.firstIndex(of: ">") else { return nil }
            let numbers = element[element.index(after: close)...].split(separator: "-").map { String($0).trimmedBlanks }
            guard (1...2).contains(numbers.count), let first = Int64(numbers[0]),
                let last = Int64(numbers[numbers.count - 1]),
                first >= 0, first <= last, last <= size / blockSize
            else { return nil }
            let range = first * blockSize..<min((last + 1) * blockSize, size)
            guard !range.isEmpty, range.lowerBound >= parts.last?.range.upperBound ?? 0 else { return nil }
            let digest = element[..<close].components(after: "chksum=\"", before: "\"").first
            parts.append(Part(range: range, digest: digest.flatMap { SHA256Digest(hex: $0) }))
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

    private static func content(_ name: String, in text: String) -> String? {
        text.components(after: "<\(name)>", before: "</\(name)>").first.map { String($0).trimmedBlanks }
    }

    private static func number(_ name: String, in text: String) -> Int64? {
        content(name, in: text).flatMap { Int64($0) }
    }
}

extension StringProtocol {
    /// What stands between each `start` and the next `end`.
    fileprivate func components(after start: String, before end: String) -> [SubSequence] {
        var found: [SubSequence] = []
        var rest = self[...]
        while let from = rest.firstRange(of: start) {
            rest = rest[from.upperBound...]
            guard let to = rest.firstRange(of: end) else { return found }
            found.append(rest[..<to.lowerBound])
            rest = rest[to.upperBound...]
        }
        return found
    }

    fileprivate func replacingFirst(_ text: String, with other: String) -> String {
        guard let range = firstRange(of: text) else { return String(self) }
        return String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
