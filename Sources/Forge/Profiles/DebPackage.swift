import Bases
import Blocks
package import Plans
import Readers
import Synchronization

extension LocalProfileFiles {
    /// The most that one package may have.
    private static let packageLimit = 2 << 30
    /// Packages that were read before, by their paths: some commands read a profile for each image.
    private static let packages = Mutex<[String: (status: OpenFile.Status, file: PackageFile)]>([:])

    package func package(_ path: String) throws(ProfileFileError) -> PackageFile {
        let place = resolve(path)
        let status = try? OpenFile(path: place, flags: 0).status()
        if let known = Self.packages.withLock({ $0[place] }), known.status == status { return known.file }
        let content: Settings.FileCopy.Content
        if let stored = try stored(path, limit: Self.packageLimit) {
            content = .stored(stored)
        } else {
            content = .file(try read(path, limit: Self.packageLimit))
        }
        do {
            let deb = try DebFile(path: place)
            let facts = try PackageFacts(ControlFields(deb.controlText()))
            let file = PackageFile(
                facts: facts, dataPacking: deb.dataPacking, content: content, programs: DebPrograms(path: place))
            if let status { Self.packages.withLock { $0[place] = (status, file) } }
            return file
        } catch let error as DebFile.DecodingError {
            throw .failed(error.reason)
        } catch let error as PackageFacts.DecodingError {
            guard case .field(let name) = error else { throw .failed("\(error)") }
            throw .failed("its control file has no field `\(name)` that makes sense")
        } catch {
            throw .failed("\(error)")
        }
    }
}

/// The programs in a package file, found when somebody first asks.
final class DebPrograms: PackagePrograms {
    private let path: String
    private let known = Mutex<[ProcessorNeed: String]?>(nil)

    init(path: String) { self.path = path }

    /// Slots that ask at the same time wait for the first: a decoder takes as much memory as the packer said.
    func needs() throws(ProfileFileError) -> [ProcessorNeed: String] {
        try known.withLock { known throws(ProfileFileError) in
            if let known { return known }
            let found = try Self.needs(of: path)
            known = found
            return found
        }
    }

    private static func needs(of path: String) throws(ProfileFileError) -> [ProcessorNeed: String] {
        var needs: [ProcessorNeed: String] = [:]
        var scanner = ProcessorScanner()
        do throws(DebFile.DecodingError) {
            try DebFile(path: path).forEachFile { name, bytes in
                guard bytes.isEmpty else {
                    scanner.take(bytes)
                    return scanner.isInteresting
                }
                if let need = scanner.finish(), !isForSomeBoards(name), needs[need] == nil {
                    needs[need] = name.hasPrefix("./") ? String(name.dropFirst(2)) : name
                }
                scanner = ProcessorScanner()
                return true
            }
        } catch {
            throw .failed(error.reason)
        }
        return needs
    }

    /// In folders from which the loader takes libraries only where the processor can run them (ld.so(8)).
    private static func isForSomeBoards(_ name: String) -> Bool {
        let folders = name.split(separator: "/").dropLast()
        return folders.contains { ["neon", "vfp", "v7l", "v8l", "glibc-hwcaps"].contains($0) }
    }
}
