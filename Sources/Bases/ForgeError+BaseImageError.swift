import Blocks
import Glibc
import Reports

extension ForgeError {
    /// Reports why the base image at `path` could not be opened.
    package init(_ error: BaseImageError, opening path: String) {
        let file = Self.quoted(path)
        switch error {
        case .block(.system(let code, "open", path)), .block(.system(let code, "read", path)):
            self = .reading(path, errno: code)
        case .block(.system(let code, _, let cachePath)):
            self = .writing(cachePath, errno: code)
            hint = "unpacking needs room in the cache; set XDG_CACHE_HOME to a folder on a larger disk"
        case .block(let error): self.init(error)
        case .cancelled:
            self = .interruption
        case .digestMismatch:
            self.init(.badInput, "could not use \(path): \(error)", hint: "download it again, or correct base.sha256")
        case .truncated, .corrupt:
            self.init(.badInput, "could not unpack \(path): \(error)", hint: Self.hint(forDamaged: path))
        case .trailingGarbage(_, let offset):
            self.init(
                .badInput, "could not unpack \(path): \(error)",
                hint: "leave that out, if it does not belong there: head -c \(offset) \(file) >clean")
        case .unknownMethod(let format, _), .memoryLimit(let format, _, _):
            self.init(
                .badInput, "could not unpack \(path): \(error)",
                hint: "unpack it, and give the image that comes out: \(format.unpackingCommand) \(file)")
        case .encrypted:
            self.init(
                .badInput, "could not open \(path): \(error)",
                hint: "unpack it, and give the image that comes out: 7z x \(file)")
        case .severalImages:
            self.init(.badInput, "could not open \(path): \(error)", hint: "unpack it and give one image with --base")
        case .tree:
            self.init(
                .badInput, "could not open \(path): \(error)",
                hint: "netboot trees are made of it, and no cards: piforge netboot --base \(file)")
        case .inUse:
            self.init(.badInput, "could not open \(path): \(error)", hint: "unmount it first: umount \(file)*")
        case .foreign(let foreign, let isPacked):
            let name = isPacked ? "what is in it" : file
            let remedy = foreign.remedy.map { remedy in
                remedy.split(separator: " ", omittingEmptySubsequences: false).map {
                    $0 == "FILE" ? name : $0 == "<FILE" ? "<" + name : String($0)
                }.joined(separator: " ")
            }
            self.init(.badInput, "could not open \(path): \(error)", hint: remedy ?? Self.whatIsTaken)
        case .notAFile, .tooSmall, .tooLarge, .unsupported, .noImage:
            self.init(.badInput, "could not open \(path): \(error)", hint: Self.whatIsTaken)
        }
        cause = error
    }

    private static let whatIsTaken = "give a raw image, or one packed as xz, gz, zst, bz2, zip or in a tar"

    /// One part of a file that was cut up ends too early as a broken download does.
    private static func hint(forDamaged path: String) -> String {
        let name = path.fileName
        let ending = name.split(separator: ".").last ?? ""
        let isPart = ending.count == 3 && Int(ending) != nil || ["aa", "ab", "part", "part1"].contains(ending)
        guard isPart else { return "download it again" }
        return "if it is one of several parts, join them first: cat PARTS >whole; else download it again"
    }
}

extension BaseFormat {
    /// What unpacks it with as much memory as it takes, and with whatever method it is packed.
    fileprivate var unpackingCommand: String {
        switch self {
        case .raw, .tar: "tar -xf"
        case .xz: "xz -dk"
        case .gzip: "gzip -dk"
        case .zstd: "zstd -d --long=31"
        case .bzip2: "bzip2 -dk"
        case .zip: "7z x"
        }
    }
}
