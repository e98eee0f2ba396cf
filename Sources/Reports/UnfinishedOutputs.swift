import Glibc
import Synchronization

/// What is being written under a name that it shall not keep; a run that is interrupted tells what is still there.
package enum UnfinishedOutputs {
    private static let paths = Mutex<[String: Int]>([:])

    /// Before the file or folder is made.
    package static func begin(_ path: String) { paths.withLock { $0[path, default: 0] += 1 } }

    /// When it is there no more, or has its name. One that could not be removed is not ended.
    package static func end(_ path: String) {
        paths.withLock { paths in
            paths[path] = paths[path].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }

    /// Those that lie there still, sorted.
    package static var remaining: [String] {
        paths.withLock { paths in
            paths.keys.filter { path in
                var status = stat()
                return lstat(path, &status) == 0
            }.sorted()
        }
    }
}
