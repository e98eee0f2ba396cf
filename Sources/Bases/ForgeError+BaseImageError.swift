import Reports

extension ForgeError {
    /// Reports why the base image at `path` could not be opened.
    package init(_ error: BaseImageError, opening path: String) {
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
        case .memoryLimit, .tooLarge, .changedWhileReading, .block:
            self.init(.badInput, "could not open \(path): \(error)")
        }
    }
}
