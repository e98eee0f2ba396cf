import Glibc
import Synchronization

/// Some descriptors that are kept until an unfinished folder must be removed: that takes a few, and the process may have
/// failed for want of them.
enum DescriptorReserve {
    /// For a folder, one below it, and a file of procfs.
    private static let count = 4
    private static let kept = Mutex<[CInt]>([])

    /// False and errno when the process may not have as many.
    static func fill() -> Bool {
        kept.withLock { kept in
            while kept.count < count {
                let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { return false }
                kept.append(descriptor)
            }
            return true
        }
    }

    static func release() {
        kept.withLock { kept in
            for descriptor in kept { close(descriptor) }
            kept = []
        }
    }
}
