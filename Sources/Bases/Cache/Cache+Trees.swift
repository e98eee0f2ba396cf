import Blocks
import Glibc
import Reports

extension Cache {
    /// The kept form of a tree archive with this sha256, made by `pack` when it is not there.
    func tree(
        for digest: SHA256Digest, version: String, name: String, onDamage: (String) -> Void, onWait: () -> Void,
        isCancelled: () -> Bool, pack: (OpenFile) throws(BaseImageError) -> Void
    ) throws(BaseImageError) -> OpenFile {
        let entry = CacheEntry(dataPath: "\(treesPath)/\(digest).\(version).tree")
        func kept(_ onDamage: (String) -> Void) throws(BaseImageError) -> OpenFile? {
            try wrapping(entry.open(onDamage: onDamage)?.file, as: BaseImageError.block)
        }
        if let file = try kept(onDamage) { return file }
        try wrapping(prepare(), as: BaseImageError.block)
        let lock = try wrapping(entry.lock(isCancelled: isCancelled, onWait: onWait), as: BaseImageError.block)
        guard let lock else { throw .cancelled }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock before may have done the work.
        if let file = try kept({ _ in }) { return file }
        for name in FolderListing.names(in: treesPath) ?? []
        where "\(treesPath)/\(name)".hasPrefix(entry.dataPath + ".partial.") {
            unlink("\(treesPath)/\(name)")
        }
        return try entry.make(wrap: BaseImageError.block) { (file) throws(BaseImageError) in
            try pack(file)
            let found = try CacheEntry.digest(of: file, isCancelled: isCancelled)
            return (found, ["source \(name)"])
        }
    }
}
