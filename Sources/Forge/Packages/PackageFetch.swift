import Bases
import Blocks
import Downloads
import Fleet
import Glibc
import Images
package import Plans
import Readers
package import Reports
import Synchronization
package import Trees

/// Finds the package files that `packages` stands for in an image, by this machine's apt with the image's own archives,
/// keys and dpkg; what was found once is kept in the cache and held to `piforge.lock`.
package final class PackageFetch: PackageSource {
    private let options: BaseFetch.Options
    private let observe: Progress.Observer
    /// Whether this run is there to fetch.
    private let isFetching: Bool
    /// Whether nothing is an answer where nobody knows.
    private let isLenient: Bool
    private let known = Mutex<[Key: [PackageFile]]>([:])
    /// So that nothing takes them out of the cache meanwhile.
    private let holds = Mutex<[Cache.Download]>([])

    private struct Key: Hashable {
        var system: SHA256Digest
        var wanted: [String]
    }

    package init(
        _ options: BaseFetch.Options, isFetching: Bool = false, isLenient: Bool = false,
        observe: @escaping Progress.Observer = { _ in }
    ) {
        self.options = options
        self.isFetching = isFetching
        self.isLenient = isLenient
        self.observe = observe
    }

    /// Slots that ask at the same time wait for the first, so that nothing is found and downloaded twice.
    package func files(
        for wanted: [String], allowingNetwork: Bool, in root: any ReadableVolume
    ) throws(ForgeError) -> [PackageFile]? {
        let system = try AptSystem(of: root)
        let key = Key(system: system.digest, wanted: wanted.sorted())
        return try known.withLock { known throws(ForgeError) in
            if let files = known[key] { return files }
            let files = try find(wanted, allowingNetwork: allowingNetwork, for: system)
            known[key] = files
            return files
        }
    }

    /// What the lock and the cache have, or else the archives; nil as `files` says.
    private func find(
        _ wanted: [String], allowingNetwork: Bool, for system: AptSystem
    ) throws(ForgeError) -> [PackageFile]? {
        let lock = try options.lockPath.map(LockFile.read) ?? LockFile()
        let locked = options.isUpdating ? nil : lock.packages(of: system.digest, wanted: wanted)
        if let files = try locked.flatMap({ (set) throws(ForgeError) in try kept(set) }) { return files }
        guard !options.isOffline, isFetching || allowingNetwork else {
            // Packages that were installed when the image was made are no longer asked for.
            if locked == nil, isLenient || Self.areInstalled(wanted, in: system) { return nil }
            throw Self.missing(wanted, isLocked: locked != nil, isOffline: options.isOffline)
        }
        return try fetch(wanted, locked, for: system)
    }

    private static func areInstalled(_ wanted: [String], in system: AptSystem) -> Bool {
        wanted.allSatisfy { !system.installed.named(String($0.prefix { $0 != "=" && $0 != ":" })).isEmpty }
    }

    private static func missing(_ wanted: [String], isLocked: Bool, isOffline: Bool) -> ForgeError {
        let names = wanted.joined(separator: ", ")
        return ForgeError(
            .unavailable,
            isLocked
                ? "could not use `packages`: the files of \(names) are not in the cache"
                : "could not use `packages`: nobody has found the files of \(names) for this image yet",
            hint: isOffline
                ? "fetch them while there is a network: piforge packages fetch"
                : "piforge packages fetch, or network: true; --engine loop installs them while it builds")
    }

    /// What the lock holds, when the cache has all of it.
    private func kept(_ set: LockFile.PackageSet) throws(ForgeError) -> [PackageFile]? {
        var files: [PackageFile] = []
        for deb in set.debs {
            guard let digest = deb.digest,
                let download = options.cache.download(
                    digest, onDamage: { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) })
            else { return nil }
            files.append(try file(download))
        }
        return files
    }

    private func file(_ download: Cache.Download) throws(ForgeError) -> PackageFile {
        holds.withLock { $0.append(download) }
        do throws(ProfileFileError) {
            return try LocalProfileFiles(folder: "", home: nil).package(download.path)
        } catch {
            throw ForgeError(.badInput, "could not use \(download.name): \(error.reason)")
        }
    }

    // MARK: Fetching

    private func fetch(
        _ wanted: [String], _ locked: LockFile.PackageSet?, for system: AptSystem
    ) throws(ForgeError) -> [PackageFile] {
        guard system.hasSources else {
            throw ForgeError(
                .badInput, "could not find packages: the image names no archives",
                hint: "name the .deb files with `debs`")
        }
        options.note("note: asking the archives of the image for \(wanted.joined(separator: ", "))")
        let folder = try ScratchFolder(named: "piforge-apt", for: options.environment)
        defer { folder.removeAll() }
        let apt = try AptRun(
            system, in: folder.path + "/root", environment: options.environment, observe: observe)
        try apt.update()
        let names = locked.map {
            $0.debs.map {
                "\($0.name):\($0.architecture == "all" ? system.installed.native : $0.architecture)=\($0.version)"
            }
        }
        var paths = try apt.download(names ?? wanted)
        var found = try paths.map { (path) throws(ForgeError) in try Self.package(path) }
        let companions = names == nil ? PackageCompanions.missing(of: wanted, among: found, in: system.installed) : []
        if !companions.isEmpty {
            options.note(
                "note: \(companions.joined(separator: " and ")) \(companions.count == 1 ? "is" : "are") added: \(PackageCompanions.reason)"
            )
            paths = try apt.download(wanted + companions)
            found = try paths.map { (path) throws(ForgeError) in try Self.package(path) }
        }
        if names == nil { noteRecommended(by: wanted, found, system) }
        var files: [PackageFile] = []
        var debs: [LockFile.PackageSet.Deb] = []
        for (path, package) in zip(paths, found) {
            let download = try keep(path, name: package.facts.fileName)
            files.append(try file(download))
            debs.append(
                .init(
                    name: package.facts.name, version: package.facts.version.text,
                    architecture: package.facts.architecture, bytes: download.byteCount, sha256: download.digest))
        }
        let set = LockFile.PackageSet(system: system.digest, wanted: wanted, debs: debs)
        if let locked, locked != set { throw Self.changed(locked, set) }
        if let path = options.lockPath { try LockFile.set(set, in: path) }
        return files
    }

    private static func package(_ path: String) throws(ForgeError) -> PackageFile {
        do throws(ProfileFileError) {
            return try LocalProfileFiles(folder: "", home: nil).package(path)
        } catch {
            throw ForgeError(.badInput, "could not use \(path.fileName): \(error.reason)")
        }
    }

    private static func changed(_ locked: LockFile.PackageSet, _ now: LockFile.PackageSet) -> ForgeError {
        let first = locked.debs.first { !now.debs.contains($0) }
        return ForgeError(
            .badInput,
            "could not use `packages`: the archive gives other files than \(LockFile.name) has from when they were first "
                + "fetched (\(first.map { "\($0.name) \($0.version)" } ?? "more of them"))",
            hint: "if they are what you want, accept them: piforge packages fetch --update")
    }

    /// What the packages that were asked for recommend, and nobody brings.
    private func noteRecommended(by wanted: [String], _ found: [PackageFile], _ system: AptSystem) {
        let all = system.installed.adding(found.map(\.facts))
        let names = Set(wanted.map { String($0.prefix { $0 != "=" && $0 != ":" }) })
        for file in found where names.contains(file.facts.name) {
            let missing = file.facts.recommends.filter { !all.satisfies($0, of: file.facts) }
            guard !missing.isEmpty else { continue }
            options.note(
                "note: \(file.facts.name) recommends \(missing.map(\.description).joined(separator: ", ")): left out unless "
                    + "`packages` names them")
        }
    }

    /// Moves a file into the cache.
    private func keep(_ path: String, name: String) throws(ForgeError) -> Cache.Download {
        do throws(BlockError) {
            let source = try OpenFile(path: path, flags: O_RDONLY)
            let size = try source.measuredByteCount()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
            defer { buffer.deallocate() }
            var hasher = SHA256()
            var key = SHA256()
            key.update(Array("package \(name) \(size)".utf8).span.bytes)
            guard
                let part = try options.cache.partialDownload(
                    key.finalize(), isCancelled: { Interruption.isRequested }, onWait: {})
            else { throw .cancelled }
            try part.restart(.init(url: "package:\(name)", validator: nil, total: size), name: name)
            var offset: Int64 = 0
            while offset < size {
                let count = try source.read(upTo: buffer, at: offset)
                guard count > 0 else { throw .changed(path: path) }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                hasher.update(bytes)
                try part.append(bytes)
                offset += Int64(count)
            }
            return try options.cache.keep(part, digest: hasher.finalize(), name: name)
        } catch {
            throw ForgeError(error, writing: options.cache.path)
        }
    }
}

extension BaseFetch {
    /// Who knows the packages of images, by the same lock and cache. `isPlanning`: nothing is made, so that nothing may be
    /// an answer.
    package func packages(isPlanning: Bool = false) -> PackageFetch { PackageFetch(options, isLenient: isPlanning) }
}

/// What packages only recommend and do not work without.
enum PackageCompanions {
    /// Debian's docker.io has no `docker` since trixie, and without apparmor's parser every container fails where the
    /// kernel has AppArmor on, though docker.service is active.
    private static let table = ["docker.io": ["docker-cli", "apparmor"]]

    static let reason = "docker.io only recommends it, and has no `docker` command or runs no container without it"

    static func missing(
        of wanted: [String], among found: [PackageFile], in installed: InstalledPackages
    ) -> [String] {
        let all = installed.adding(found.map(\.facts))
        return wanted.flatMap { name -> [String] in
            guard let package = found.first(where: { $0.facts.name == name })?.facts else { return [] }
            let recommended = Set(package.recommends.flatMap(\.relations).map(\.name))
            return (table[name] ?? []).filter { recommended.contains($0) && all.named($0).isEmpty }
        }
    }
}
