import CLinux
import Glibc
import Reports

/// A file system that the kernel has mounted, but at no place: only its descriptor leads to it.
///
/// No other process sees it or can be kept from unmounting its own disks by it, it needs no folder to lie on, and it ends
/// when the descriptor is closed, also after SIGKILL. See fsmount(2); Linux 5.2.
package struct DetachedMount: ~Copyable {
    /// Its root, opened with O_PATH: a starting point for `openat` and the like.
    private let mount: Descriptor
    private let type: String

    /// An option with its value, or without one.
    struct Option {
        var name: String
        var value: String?
    }

    /// Mounts the block device at `path`, for reading and writing, without devices and access times, and without
    /// programs unless `allowsPrograms`.
    init(_ path: String, type: String, options: [Option], allowsPrograms: Bool = false) throws(MountError) {
        let context = try Self.open(type)
        for option in [Option(name: "source", value: path)] + options {
            let command = option.value == nil ? CLINUX_FSCONFIG_SET_FLAG : CLINUX_FSCONFIG_SET_STRING
            guard clinux_fsconfig(context.number, Int32(command), option.name, option.value) == 0 else {
                throw Self.failure("set \(option.name) for", type, context)
            }
        }
        guard clinux_fsconfig(context.number, Int32(CLINUX_FSCONFIG_CMD_CREATE), nil, nil) == 0 else {
            throw Self.failure("mount", type, context)
        }
        var attributes = CLINUX_MOUNT_ATTR_NODEV | CLINUX_MOUNT_ATTR_NOATIME
        if !allowsPrograms { attributes |= CLINUX_MOUNT_ATTR_NOSUID | CLINUX_MOUNT_ATTR_NOEXEC }
        guard let mount = Descriptor(clinux_fsmount(context.number, Int32(attributes))) else {
            throw Self.failure("mount", type, context)
        }
        self.mount = mount
        self.type = type
    }

    var root: Int32 { mount.number }

    /// A context for a file system type; says whether this kernel has it and this process may mount.
    static func open(_ type: String) throws(MountError) -> Descriptor {
        guard let context = Descriptor(clinux_fsopen(type)) else {
            switch errno {
            case ENODEV: throw .unavailable("this kernel has no \(type)")
            case EPERM: throw .notPermitted("mount \(type)")
            case ENOSYS: throw .unavailable("this kernel is older than Linux 5.2")
            default: throw MountError("mount", type)
            }
        }
        return context
    }

    /// What the kernel has against it, in its own words when it left some (fsopen(2), "The filesystem context").
    private static func failure(_ operation: String, _ type: String, _ context: borrowing Descriptor) -> MountError {
        let code = errno
        var message = [UInt8](repeating: 0, count: 1024)
        let count = read(context.number, &message, message.count)
        // "e ext4: …", the first letter telling how bad it is.
        let text = String(decoding: message.prefix(max(0, count)).dropFirst(2).prefix { $0 >= 0x20 }, as: UTF8.self)
        switch code {
        case EPERM, EACCES: return .notPermitted("mount \(type)")
        case EINVAL, EUCLEAN, EBADMSG, EOPNOTSUPP:
            return .refused("the kernel would not mount it: \(text.isEmpty ? systemMessage(code) : text)")
        default: return .system(errno: code, operation: operation, path: type)
        }
    }

    /// Writes everything out and unmounts; the mount is gone also when writing fails.
    consuming func close() throws(MountError) {
        guard let folder = Descriptor(openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw MountError("open", type)
        }
        guard clinux_syncfs(folder.number) == 0 else { throw MountError("write out", type) }
    }
}
