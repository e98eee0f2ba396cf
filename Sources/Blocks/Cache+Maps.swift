import Glibc

extension Cache {
    /// What is known of the base with this sha256; nothing when nothing is kept or it is damaged.
    package func map(
        for base: SHA256Digest, byteCount: Int64, onDamage: (String) -> Void = { _ in }
    ) throws(BlockError) -> ImageMap {
        var map = ImageMap(byteCount: byteCount)
        let entry = entry(for: base)
        guard let found = try entry.open(onDamage: onDamage),
            let text = CacheEntry.text(of: entry.dataPath, limit: 256 << 20)
        else { return map }
        var lines = text.split(separator: "\n")[...]
        withExtendedLifetime(found.file) {}
        guard lines.popFirst() == "piforge-map 1 \(byteCount)" else { return map }
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count % 3 == 1, let chunk = Int(words[0]) else { return ImageMap(byteCount: byteCount) }
            var runs: [ImageMap.Run] = []
            for index in stride(from: 1, to: words.count, by: 3) {
                guard let first = Int64(words[index]), let last = Int64(words[index + 1]), first <= last, first >= 0,
                    last < 1 << 50, let digest = SHA256Digest(hex: words[index + 2])
                else { return ImageMap(byteCount: byteCount) }
                runs.append(ImageMap.Run(first: first, last: last, digest: digest))
            }
            map.set(chunk, to: runs)
        }
        return map
    }

    /// Keeps what is known of a base; what another build kept meanwhile is lost, not damaged.
    package func keep(_ map: ImageMap, for base: SHA256Digest, name: String) throws(BlockError) {
        try prepare()
        let entry = entry(for: base)
        guard let lock = try entry.lock(isCancelled: { true }) else { return }
        defer { withExtendedLifetime(lock) {} }
        var text = "piforge-map 1 \(map.byteCount)\n"
        for (index, runs) in map.chunks.enumerated() {
            guard let runs else { continue }
            text += "\(index)" + runs.map { " \($0.first) \($0.last) \($0.digest)" }.joined() + "\n"
        }
        let bytes = Array(text.utf8)
        _ = try entry.make(wrap: { $0 }) { (file) throws(BlockError) in
            try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: 0) }
            return (SHA256.digest(of: bytes.span.bytes), ["source \(name)"])
        }
    }

    private func entry(for base: SHA256Digest) -> CacheEntry { CacheEntry(dataPath: "\(mapsPath)/\(base).map") }
}
