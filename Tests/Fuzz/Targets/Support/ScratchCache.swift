import Bases
import Blocks
import Glibc
import Images

/// A cache beside the seeds that is empty again after each input.
enum ScratchCache {
    private static var cache: Cache { Cache(path: "\(SeedFolder.path)/cache.\(getpid())") }

    static func with<R>(_ body: (Cache) -> R) -> R {
        let cache = cache
        defer {
            for folder in FolderListing.names(in: cache.path) ?? [] {
                for name in FolderListing.names(in: "\(cache.path)/\(folder)") ?? [] {
                    unlink("\(cache.path)/\(folder)/\(name)")
                }
            }
        }
        return body(cache)
    }
}
