import CSandbox
import Glibc

/// Users and groups of an image as a range of this machine's that nobody has: root of the image is nobody here.
///
/// Users and groups from `count` on are nobody inside, too, and cannot be given a file.
struct UserNamespace: ~Copyable {
    /// The range lies between those that systemd uses (systemd.io/UIDS-GIDS, "unused").
    static let first: UInt32 = 1_879_048_192
    static let count: UInt32 = 268_304_384

    private let descriptor: Descriptor

    init() throws(MountError) {
        guard let descriptor = Descriptor(csandbox_user_namespace(Self.first, Self.count)) else {
            switch errno {
            case ENOSPC: throw .unavailable("this machine allows no user namespaces (sysctl user.max_user_namespaces)")
            case EINVAL: throw .unavailable("this kernel has no user namespaces")
            default: throw MountError("make", "a user namespace")
            }
        }
        self.descriptor = descriptor
    }

    var number: Int32 { descriptor.number }

    /// Lets a mount that lies at no place show the owners on the disk as users of this namespace.
    func mapOwners(of mount: borrowing DetachedMount) throws(MountError) {
        guard csandbox_map_owners(mount.root, number) == 0 else {
            switch errno {
            case ENOSYS, EINVAL:
                throw .unavailable("this kernel cannot map the owners of files (it takes Linux 5.12)")
            default: throw MountError("map the owners of", "an image")
            }
        }
    }
}
