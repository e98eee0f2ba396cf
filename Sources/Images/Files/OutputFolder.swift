import Glibc
package import Reports

/// The folder that a run's outputs go to.
package enum OutputFolder {
    /// Makes it and the folders above it when they do not exist, and refuses what would fail at the end, before anything slow begins.
    package static func prepare(_ folder: String) throws(ForgeError) {
        try make(folder)
        var status = stat()
        guard stat(folder, &status) == 0 else { throw ForgeError.writing(folder, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw ForgeError.writing(folder, errno: ENOTDIR) }
        guard access(folder, W_OK | X_OK) == 0 else { throw ForgeError.writing(folder, errno: errno) }
    }

    private static func make(_ folder: String) throws(ForgeError) {
        if mkdir(folder, 0o777) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = folder.dropLast(folder.hasSuffix("/") ? 1 : 0).lastIndex(of: "/"),
            slash > folder.startIndex
        else { throw ForgeError.writing(folder, errno: errno) }
        try make(String(folder[..<slash]))
        if mkdir(folder, 0o777) != 0 && errno != EEXIST { throw ForgeError.writing(folder, errno: errno) }
    }

    /// The path of an output of that name.
    package static func path(of name: String, in folder: String) -> String {
        folder == "." ? name : (folder.hasSuffix("/") ? folder : folder + "/") + name
    }
}
