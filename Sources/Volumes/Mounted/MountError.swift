import Glibc
import Reports

/// Why the kernel did not attach or mount something.
package enum MountError: Error, Equatable, Sendable {
    /// This process may not; names what for.
    case notPermitted(String)
    /// This machine cannot: no loop devices, no such file system, too old a kernel.
    case unavailable(String)
    /// The kernel refused what it was given to mount; with its own words where it has any.
    case refused(String)
    case system(errno: Int32, operation: String, path: String)

    init(_ operation: String, _ path: String) {
        let code = errno
        switch code {
        case EPERM, EACCES: self = .notPermitted("\(operation) \(path)")
        case ENOSYS: self = .unavailable("the kernel is too old: it cannot \(operation) \(path)")
        default: self = .system(errno: code, operation: operation, path: path)
        }
    }
}

extension MountError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notPermitted(let what): "it takes root to \(what)"
        case .unavailable(let reason), .refused(let reason): reason
        case .system(let code, let operation, let path):
            "could not \(operation) \(path): \(systemMessage(code))"
        }
    }
}
