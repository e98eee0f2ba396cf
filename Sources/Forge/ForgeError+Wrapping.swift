import Blocks
import Plans
import Trees

/// How the errors of the modules below are told to the person.
extension ForgeError {
    /// Of the base image at `path`.
    init(_ error: BaseImageError, opening path: String) {
        switch error {
        case .block(.system(let code, "open", path)), .block(.system(let code, "read", path)):
            self = .reading(path, errno: code)
        case .block(.system(let code, _, let cachePath)):
            self = .writing(cachePath, errno: code)
            hint = "unpacking needs room in the cache; set XDG_CACHE_HOME to a folder on a larger disk"
        case .cancelled:
            self = .interruption
        case .digestMismatch:
            self.init(.badInput, "could not use \(path): \(error)", hint: "download it again, or correct base.sha256")
        case .truncated, .corrupt, .trailingGarbage:
            self.init(.badInput, "could not unpack \(path): \(error)", hint: "download it again")
        case .severalImages:
            self.init(.badInput, "could not open \(path): \(error)", hint: "unpack it and give one image with --base")
        case .notAFile, .tooSmall, .unsupported, .encrypted, .noImage:
            self.init(
                .badInput, "could not open \(path): \(error)",
                hint: "give a raw image, or one packed as xz, gz, zst, bz2 or zip")
        case .memoryLimit, .changedWhileReading, .block:
            self.init(.badInput, "could not open \(path): \(error)")
        }
    }

    init(_ error: PartitionTableError) {
        switch error {
        case .unreadable(let error): self.init(error)
        case .cannotGrow: self.init(.badInput, "could not grow the root partition: \(error)")
        default: self.init(.badInput, "could not find the partitions of the image: \(error)")
        }
    }

    init(_ error: BlockError) {
        switch error {
        case .truncated:
            self.init(
                .badInput, "could not read the image: \(error)", hint: "was it changed while piforge was reading it?")
        case .outOfBounds:
            self.init(.badInput, "could not read the image: \(error)")
        case .damaged:
            self.init(.badInput, "could not read the image: \(error)", hint: "download it again")
        case .system:
            self.init(.inputOutput, "\(error)")
        }
    }

    /// Of one partition's file system.
    init(_ error: VolumeError, on partition: Target.Partition) {
        let name = "\(partition.rawValue) partition"
        switch error {
        case .unsupported(let feature, let remedy):
            self.init(.badInput, "could not edit the \(name): \(feature)", hint: remedy)
        case .corrupt(let what):
            self.init(
                .badInput, "could not read the \(name): \(what)",
                hint: "check it with \(partition == .boot ? "fsck.fat -n" : "e2fsck -fn"), or download the image again")
        case .noSpace(let path):
            self.init(
                .badInput, "could not write \(partition.rawValue):\(path): the \(name) is full",
                hint: "put fewer or smaller files there")
        case .device(let text):
            self.init(.inputOutput, "could not read the \(name): \(text)")
        case .notFound(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): there is no such file or folder")
        case .notADirectory(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): it is no folder")
        case .isADirectory(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): it is a folder")
        case .directoryNotEmpty(let path):
            self.init(.badInput, "could not remove \(partition.rawValue):\(path): the folder is not empty")
        case .tooManyLinks(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): its links go in circles")
        case .invalidName(let text, let reason):
            self.init(.badInput, "could not use the name \(text) on the \(name): \(reason)")
        case .fileTooLarge(let path, let byteCount, let limit):
            self.init(
                .badInput,
                "could not write \(partition.rawValue):\(path): \(ByteCount(byteCount)) are more than the \(ByteCount(limit)) it may be"
            )
        case .notStorable(let path, let what):
            self.init(.badInput, "could not write \(partition.rawValue):\(path): the \(name) stores no \(what)")
        }
    }

    init(_ error: PlanError) {
        switch error {
        case .unreadable(let target, let error):
            self.init(error, on: target.partition)
        default:
            self.init(error.isInternal ? .bug : .badInput, error.message, hint: error.hint)
        }
    }

    static var interruption: ForgeError {
        ForgeError(.interrupted, "interrupted; no unfinished output was left behind")
    }
}
