import Bases
import Blocks
import Downloads
import Glibc
import Plans
import Reports

/// The steps by which one base is found or downloaded.
struct BaseResolution {
    let base: Profile.Base
    let options: BaseFetch.Options
    let observe: Progress.Observer
    private let downloader: Downloader

    init(_ base: Profile.Base, _ options: BaseFetch.Options, _ observe: @escaping Progress.Observer) {
        self.base = base
        self.options = options
        self.observe = observe
        downloader = Downloader(
            cache: options.cache, certificates: CertificateFiles(environment: options.environment), observe: observe)
    }

    /// What is known of the file before it is there.
    private struct Wanted {
        var key: LockFile.Key
        var urls: [String]
        /// By the profile or its list, which count for more than the lock.
        var sha256: SHA256Digest?
        var byteCount: Int64?
        var imageSHA256: SHA256Digest?
        var imageByteCount: Int64?
    }

    func run() throws(ForgeError) -> BaseFetch.Fetched {
        let lock = try options.lockPath.map(LockFile.read) ?? LockFile()
        let locked = lock[key]
        let wanted = try wanted(locked)
        let expected = wanted.sha256 ?? (options.isUpdating ? nil : locked?.digest)
        if let expected, let file = options.cache.download(expected, onDamage: damaged) {
            return try finish(file, wanted, locked, etag: locked?.digest == expected ? locked?.etag : nil)
        }
        guard !options.isOffline else { return try finish(offline(wanted, expected), wanted, locked, etag: nil) }
        let result = try download(
            Download(urls: wanted.urls, sha256: wanted.sha256, byteCount: wanted.byteCount))
        if let expected, result.file.digest != expected {
            throw ForgeError(
                .badInput,
                "could not use \(base.summary): its sha256 is \(result.file.digest), but \(expected) in "
                    + "\(options.lockPath ?? LockFile.name), from when it was first used",
                hint: "if the new one is what its maker publishes, accept it: piforge fetch --update")
        }
        return try finish(result.file, wanted, locked, etag: result.etag)
    }

    private var key: LockFile.Key {
        switch base.source {
        case .file(let path): .url(path)
        case .urls(let urls): .url(urls.first ?? "")
        case .listed(let name, let list): .listed(list: list.fileNameUnlessURL, name: name)
        }
    }

    private var damaged: (String) -> Void {
        { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) }
    }

    // MARK: What is wanted

    private func wanted(_ locked: LockFile.Entry?) throws(ForgeError) -> Wanted {
        let sha256 = base.sha256.flatMap { SHA256Digest(hex: $0) }
        switch base.source {
        case .file: throw ForgeError(.bug, "could not download \(base.summary): it is a file")
        case .urls(let urls): return Wanted(key: key, urls: urls, sha256: sha256)
        case .listed(let name, let list):
            // What was chosen once stays chosen; the list is read again for something newer.
            if !options.isUpdating, let locked {
                return Wanted(key: key, urls: [locked.url], sha256: sha256, imageSHA256: locked.imageDigest)
            }
            let image = try self.image(named: name, in: list)
            do throws(Refusal) { try Validation.url(image.url) } catch {
                throw ForgeError(.badInput, "could not use \(list): \(error.message)", hint: error.hint)
            }
            return Wanted(
                key: key, urls: [image.url], sha256: sha256 ?? image.sha256, byteCount: image.byteCount,
                imageSHA256: image.imageSHA256, imageByteCount: image.imageByteCount)
        }
    }

    /// The image in a list, or in one of the lists that it names, which are read only when it has none of that name. Of
    /// those one may be missing: it is of other people.
    private func image(named name: String, in location: String) throws(ForgeError) -> ImageList.Image {
        var list = try self.list(location)
        var readCount = 0
        while !list.hasImage(named: name), readCount < ImageList.furtherListLimit, let further = list.takeFurtherList()
        {
            readCount += 1
            do throws(ForgeError) {
                guard Validation.isURL(further.url) else {
                    throw ForgeError(.badInput, "could not read \"\(further.url)\": it is no address")
                }
                list.add(try self.list(further.url), in: further)
            } catch {
                guard error.kind != .interrupted else { throw error }
                options.note("note: left a list out that \(location) names: \(error.message)")
            }
        }
        return try reading(location) { [list] () throws(ImageList.Problem) in try list.image(named: name) }
    }

    private func list(_ location: String) throws(ForgeError) -> ImageList {
        let bytes = try bytes(of: location, limit: ImageList.byteLimit)
        return try reading(location) { () throws(ImageList.Problem) in try ImageList(json: bytes) }
    }

    private func reading<Value>(
        _ list: String, _ body: () throws(ImageList.Problem) -> Value
    ) throws(ForgeError) -> Value {
        try wrapping(
            as: { (problem: ImageList.Problem) in
                ForgeError(.badInput, "could not use \(list): \(problem.message)", hint: problem.hint)
            }, body)
    }

    /// A small file of this machine or another one.
    func bytes(of location: String, limit: Int) throws(ForgeError) -> [UInt8] {
        let local = try local(location)
        defer { withExtendedLifetime(local) {} }
        do throws(ProfileFileError) {
            return try LocalProfileFiles(folder: "", home: nil).read(local.path, limit: limit)
        } catch {
            throw ForgeError(.badInput, "could not read \(location): \(error.reason)")
        }
    }

    /// A file of this machine; what an address gives is brought here, and stays as long as `hold` lives.
    func local(_ location: String) throws(ForgeError) -> (path: String, hold: Cache.Download?) {
        guard Validation.isURL(location) else { return (location, nil) }
        if options.isOffline {
            guard let address = options.cache.rememberedAddress(location),
                let file = options.cache.download(address.digest, onDamage: damaged)
            else { throw missing(location) }
            return (file.path, file)
        }
        let file = try download(Download(urls: [location])).file
        return (file.path, file)
    }

    // MARK: Getting it

    private func offline(_ wanted: Wanted, _ expected: SHA256Digest?) throws(ForgeError) -> Cache.Download {
        guard expected == nil else { throw missing(base.summary) }
        for url in wanted.urls {
            if let address = options.cache.rememberedAddress(url),
                let file = options.cache.download(address.digest, onDamage: damaged)
            {
                return file
            }
        }
        throw missing(base.summary)
    }

    private func missing(_ location: String) -> ForgeError {
        ForgeError(
            .unavailable, "could not use \(location): it is not in the cache, and --offline asks nobody for it",
            hint: "fetch it while there is a network: piforge fetch")
    }

    private func download(_ download: Download) throws(ForgeError) -> Downloader.Result {
        do throws(Downloader.Failure) {
            return try downloader.run(download)
        } catch {
            throw ForgeError(error.error, downloading: download.name, kept: error.kept)
        }
    }

    // MARK: What is remembered

    private func finish(
        _ file: Cache.Download, _ wanted: Wanted, _ locked: LockFile.Entry?, etag: String?
    ) throws(ForgeError) -> BaseFetch.Fetched {
        var entry = LockFile.Entry(url: wanted.urls.first ?? "", bytes: file.byteCount, sha256: file.digest)
        if case .listed(let list, let name) = wanted.key { (entry.list, entry.name) = (list, name) }
        entry.etag = etag
        if let locked, locked.digest == file.digest {
            entry.etag = etag ?? locked.etag
            entry.imageSHA256 = locked.imageSHA256
        }
        entry.keySHA256 = try checkSignature(of: file, locked)?.description
        entry.imageSHA256 = try imageDigest(of: file, wanted, locked)?.description ?? entry.imageSHA256
        if let path = options.lockPath, entry != locked { try write(entry, path, isNew: locked == nil) }
        return BaseFetch.Fetched(file: file, entry: entry)
    }

    /// The digest of the image in the file, where it is known, or asked for: by who fetches ahead, and by a list that
    /// vouches for its image with nothing else.
    private func imageDigest(
        of file: Cache.Download, _ wanted: Wanted, _ locked: LockFile.Entry?
    ) throws(ForgeError) -> SHA256Digest? {
        if let known = options.cache.unpackedDigest(of: file.digest), wanted.imageSHA256 == nil { return known }
        if let locked, locked.digest == file.digest, let digest = locked.imageDigest { return digest }
        guard options.readsImages || wanted.sha256 == nil && wanted.imageSHA256 != nil else { return nil }
        guard let found = try digestOfImage(in: file) else { return nil }
        if let expected = wanted.imageSHA256, expected != found.digest {
            throw ForgeError(
                .badInput,
                "could not use \(base.summary): the sha256 of its image is \(found.digest), but its list has \(expected)",
                hint: "look for a newer list, or name the image by base.url and base.sha256")
        }
        if let expected = wanted.imageByteCount, expected != found.byteCount {
            throw ForgeError(
                .badInput,
                "could not use \(base.summary): its image has \(found.byteCount) bytes, but its list has \(expected)",
                hint: "look for a newer list, or name the image by base.url and base.sha256")
        }
        return found.digest
    }

    private func write(_ entry: LockFile.Entry, _ path: String, isNew: Bool) throws(ForgeError) {
        do throws(ForgeError) {
            try LockFile.set(entry, in: path)
            if isNew, base.sha256 == nil {
                options.note("note: \(path) now holds the sha256 of \(base.summary), by which it is known from now on")
            }
        } catch {
            guard error.kind == .permission || error.kind == .cannotCreate else { throw error }
            // Where a profile may only be read, its sha256 can stand in it.
            options.note("note: \(error.message); nothing holds \(base.summary) to sha256 \(entry.sha256)")
        }
    }
}

extension LockFile.Entry {
    var imageDigest: SHA256Digest? { imageSHA256.flatMap { SHA256Digest(hex: $0) } }
}

extension String {
    /// A list's own name: where a profile lies must not be in its lock.
    fileprivate var fileNameUnlessURL: String { Validation.isURL(self) ? self : fileName }
}
