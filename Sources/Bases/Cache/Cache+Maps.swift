package import Blocks
import Glibc

extension Cache {
    /// What is known of the base with this sha256; nothing when nothing is kept or it is damaged.
    package func runDigests(
        of base: SHA256Digest, onDamage: (String) -> Void = { _ in }
    ) throws(BlockError) -> RangeDigests {
        var digests = RangeDigests()
        let entry = entry(for: base)
        guard let found = try entry.open(onDamage: onDamage),
            let text = CacheEntry.text(of: entry.dataPath, limit: 256 << 20)
        else { return digests }
        var lines = text.split(separator: "\n")[...]
        withExtendedLifetime(found.file) {}
        guard lines.popFirst().map(String.init) == Self.heading else { return digests }
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 3, let start = Int64(words[0]), let end = Int64(words[1]), start >= 0, start < end,
                let digest = SHA256Digest(hex: words[2])
            else { return RangeDigests() }
            digests[start..<end] = digest
        }
        return digests
    }

    /// Keeps what is known of a base; what another build kept meanwhile is lost, not damaged.
    package func keep(_ digests: RangeDigests, of base: SHA256Digest, name: String) throws(BlockError) {
        try prepare()
        let entry = entry(for: base)
        guard let lock = try entry.lock(isCancelled: { true }) else { return }
        defer { withExtendedLifetime(lock) {} }
        let sorted = digests.digests.sorted {
            ($0.key.lowerBound, $0.key.upperBound) < ($1.key.lowerBound, $1.key.upperBound)
        }
        let lines = sorted.map { "\($0.key.lowerBound) \($0.key.upperBound) \($0.value)\n" }
        let bytes = Array((Self.heading + "\n" + lines.joined()).utf8)
        _ = try entry.make(wrap: { $0 }) { (file) throws(BlockError) in
            try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: 0) }
            return (SHA256.digest(of: bytes.span.bytes), ["source \(name)"])
        }
    }

    private static let heading = "piforge-map 2"

    private func entry(for base: SHA256Digest) -> CacheEntry { CacheEntry(dataPath: "\(mapsPath)/\(base).map") }
}
