import Glibc
package import Reports
import Synchronization

/// The files of the person's that this run has read, such as the profile, what it names and the identity's secret:
/// nothing that the run makes may take their place.
package enum SourceFiles {
    private static let known = Mutex<Set<String>>([])

    /// Remembers a file by where it lies; what comes out of a pipe lies nowhere.
    package static func add(_ path: String) {
        guard let real = realpath(path, nil) else { return }
        defer { free(real) }
        let place = String(cString: real)
        known.withLock { _ = $0.insert(place) }
    }

    /// Refuses an output that is one of them, by whatever name, or a folder that holds one.
    package static func check(output path: String) throws(ForgeError) {
        var output = stat()
        guard stat(path, &output) == 0 else { return }
        for source in known.withLock({ $0 }).sorted() {
            if isSame(source, output) {
                throw ForgeError(
                    .cannotCreate, "could not create \(path): it is read for this run",
                    hint: "choose another place for the output")
            }
            if output.st_mode & S_IFMT == S_IFDIR, lies(source, in: output) {
                throw ForgeError(
                    .cannotCreate, "could not replace \(path): \(source), which is read for this run, lies in it",
                    hint: "move that file, or choose another place for the output")
            }
        }
    }

    private static func isSame(_ path: String, _ other: stat) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_dev == other.st_dev && status.st_ino == other.st_ino
    }

    private static func lies(_ path: String, in folder: stat) -> Bool {
        var above = path
        while let end = above.lastIndex(of: "/") {
            above = String(above[..<end])
            if isSame(above.isEmpty ? "/" : above, folder) { return true }
        }
        return false
    }
}
