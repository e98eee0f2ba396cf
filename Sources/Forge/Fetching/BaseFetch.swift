package import Bases
import Blocks
package import Downloads
package import Images
package import Plans
package import Reports
import Synchronization

/// Brings bases that lie elsewhere onto this machine, each once in a run, and keeps `piforge.lock`.
///
/// What the lock says of an address holds: the file with that digest is taken from the cache without asking anybody, and
/// another one that the address gives is refused. Without a lock or `sha256` the first one is taken on trust.
package final class BaseFetch: Sendable {
    package struct Options: Sendable {
        package var cache: Cache
        /// Where `piforge.lock` lies; nil without a profile.
        package var lockPath: String?
        /// Whether nothing may be asked of other machines.
        package var isOffline: Bool
        /// Whether addresses are asked for something newer, which then is the one that holds.
        package var isUpdating = false
        /// Whether the digest of the packed image is wanted, too, for which all of it is decoded.
        package var readsImages = false
        /// For the variables that name certificates.
        package var environment: [String: String]
        /// Takes a sentence that the person should read.
        package var note: @Sendable (String) -> Void

        package init(
            cache: Cache, lockPath: String?, isOffline: Bool, environment: [String: String],
            note: @escaping @Sendable (String) -> Void
        ) {
            self.cache = cache
            self.lockPath = lockPath
            self.isOffline = isOffline
            self.environment = environment
            self.note = note
        }
    }

    let options: Options
    private let known = Mutex<[(base: Profile.Base, fetched: Fetched)]>([])

    package init(_ options: Options) { self.options = options }

    /// The lock beside a profile; nil without one, and for one from a pipe.
    package static func lockPath(besideProfile path: String?) -> String? {
        guard let path, !path.hasPrefix("/dev/") else { return nil }
        let end = path.lastIndex(of: "/")
        return (end.map { path[...$0] } ?? "") + LockFile.name
    }

    /// What a person names on the command line: a path or an address.
    package static func base(named text: String) throws(ForgeError) -> Profile.Base {
        if Validation.isURL(text) {
            do throws(Refusal) { try Validation.url(text) } catch {
                throw ForgeError(.usage, "could not use the address: \(error.message)", hint: error.hint)
            }
        }
        return Profile.Base(image: text)
    }

    /// What a person names on the command line, as it is opened.
    package func source(named text: String) throws(ForgeError) -> ImageSource { source(of: try Self.base(named: text)) }

    /// A base that is here.
    package struct Fetched: Sendable {
        package let file: Cache.Download
        package let entry: LockFile.Entry
    }

    /// The image that a build opens; what lies elsewhere is brought here when it is opened.
    package func source(of base: Profile.Base) -> ImageSource {
        let sha256 = base.sha256.flatMap { SHA256Digest(hex: $0) }
        guard base.isElsewhere else { return ImageSource(path: base.summary, sha256: sha256) }
        let name: String
        switch base.source {
        case .urls(let urls): name = urls.first.map { Download.name(of: $0) } ?? ""
        case .file, .listed: name = base.summary
        }
        return ImageSource(path: base.summary, sha256: sha256, name: name) { observe throws(ForgeError) in
            let fetched = try self.fetch(base, observe: observe)
            return ImageSource.Local(path: fetched.file.path, name: fetched.file.name, hold: fetched)
        }
    }

    /// Brings a base here, or finds that it is; throws for one that is a file of this machine.
    package func fetch(_ base: Profile.Base, observe: @escaping Progress.Observer) throws(ForgeError) -> Fetched {
        if let known = known.withLock({ $0.first { $0.base == base }?.fetched }) { return known }
        let fetched = try BaseResolution(base, options, observe).run()
        known.withLock { $0.append((base, fetched)) }
        return fetched
    }
}

extension Profile.Base {
    /// Whether it is no file of this machine.
    package var isElsewhere: Bool { if case .file = source { false } else { true } }
}
