package import Bases
import Blocks
import Glibc
import Images
package import Plans
package import Reports
import Trees

extension BuildSpec {
    /// What slots that want the same packages get.
    package struct FoundPackages: Sendable {
        package var slots: [Slot]
        package var files: [File]

        package struct File: Sendable {
            package var file: PackageFile
            /// `SHA256  NAME_VERSION_ARCHITECTURE.deb`
            package var line: String { "\(file.content.sha256 ?? "")  \(file.facts.fileName)" }
        }
    }

    /// Finds the files of `packages` for all jobs, which may take a network.
    package func packages(
        by fetch: PackageFetch, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [FoundPackages] {
        let wanting = jobs.filter { !$0.settings.packages.isEmpty }
        if wanting.isEmpty { return [] }
        let root: any ReadableVolume
        if let tree = try Self.tree(at: base, cache: cache, observe: observe) {
            root = tree
        } else {
            let opened = try openBase(cache: cache, observe: observe)
            root = try wrapping(as: { (error: ForgeError) in error.naming(image: base.path) }) {
                () throws(ForgeError) in try SystemImage(Overlay(over: opened.reader), now: nil).root
            }
        }
        var found: [(wanted: [String], packages: FoundPackages)] = []
        for job in wanting {
            let wanted = job.settings.packages.sorted()
            if let index = found.firstIndex(where: { $0.wanted == wanted }) {
                found[index].packages.slots.append(job.slot)
                continue
            }
            let files = try fetch.files(for: wanted, allowingNetwork: true, in: root) ?? []
            found.append((wanted, FoundPackages(slots: [job.slot], files: files.map { .init(file: $0) })))
        }
        return found.map(\.packages)
    }
}

extension PackageFetch {
    /// Writes the files into a folder, for `debs`; one that is there already is left as it is.
    package static func write(_ files: [PackageFile], into folder: String) throws(ForgeError) {
        try OutputFolder.prepare(folder)
        for file in files {
            let path = OutputFolder.path(of: file.facts.fileName, in: folder)
            guard let content = file.content.node.fileContent, access(path, F_OK) != 0 else { continue }
            try wrapping(as: { (error: BlockError) in ForgeError(error, writing: path) }) { () throws(BlockError) in
                let target = try OpenFile(path: path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
                var offset: Int64 = 0
                while offset < content.byteCount {
                    let count = Int(min(StoredFile.pieceSize, content.byteCount - offset))
                    guard let bytes = try? content.bytes(at: offset, count: count) else { throw .changed(path: path) }
                    try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in
                        try target.write(bytes, at: offset)
                    }
                    offset += Int64(count)
                }
            }
        }
    }
}
