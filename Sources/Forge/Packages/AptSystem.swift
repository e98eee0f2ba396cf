import Blocks
import Plans
import Readers
import Reports
import Trees

/// What apt must know of an image to find packages for it: dpkg's state, the archives and their keys.
struct AptSystem {
    let installed: InstalledPackages
    /// SHA-256 of dpkg's state, by which the packages that it lacks are known later.
    let digest: SHA256Digest
    /// Files by their paths in the image, without a leading slash.
    private(set) var files: [(path: String, bytes: [UInt8])] = []

    private static let status: VolumePath = "/var/lib/dpkg/status"
    private static let statusLimit: Int64 = 64 << 20
    private static let fileLimit = 500

    /// Folders with the names that apt reads in them (sources.list(5), apt-secure(8), apt_preferences(5)).
    private static let folders: [(VolumePath, [String])] = [
        ("/etc/apt/sources.list.d", [".list", ".sources"]), ("/etc/apt/trusted.gpg.d", [".gpg", ".asc"]),
        ("/etc/apt/keyrings", [".gpg", ".asc", ".pgp"]), ("/usr/share/keyrings", [".gpg", ".asc", ".pgp"]),
        ("/etc/apt/preferences.d", [""]),
    ]

    init(of root: any ReadableVolume) throws(ForgeError) {
        let read = ImageFiles(boot: root, root: root)
        guard let status = try Self.statusBytes(root, read) else {
            throw ForgeError(.badInput, "could not find packages: the image has no \(Self.status)")
        }
        let architectures = try wrapping(on: .root, read.lines(.root, "/var/lib/dpkg/arch")) ?? []
        guard let installed = InstalledPackages(status: status, architectures: architectures) else {
            throw ForgeError(.badInput, "could not find packages: nothing is installed by dpkg in the image")
        }
        self.installed = installed
        digest = SHA256.digest(of: status.span.bytes)
        files = [("var/lib/dpkg/status", status)] + (try wrapping(on: .root, Self.aptFiles(read)))
    }

    private static func statusBytes(
        _ root: any ReadableVolume, _ read: ImageFiles
    ) throws(ForgeError) -> [UInt8]? {
        try wrapping(on: .root) { () throws(VolumeError) in
            guard let place = try read.place(.root, status), let found = try root.status(at: place),
                found.kind == .file,
                found.byteCount <= statusLimit
            else { return nil }
            return try root.fileBytes(at: place)
        }
    }

    private static func aptFiles(_ read: ImageFiles) throws(VolumeError) -> [(String, [UInt8])] {
        var files: [(String, [UInt8])] = []
        func take(_ path: VolumePath) throws(VolumeError) {
            guard files.count < fileLimit, let bytes = try read.bytes(.root, path) else { return }
            files.append((String(path.description.dropFirst()), bytes))
        }
        try take("/etc/apt/sources.list")
        try take("/etc/apt/trusted.gpg")
        try take("/etc/apt/preferences")
        for (folder, endings) in folders {
            for name in try read.names(.root, folder) where endings.contains(where: { name.hasSuffix($0) }) {
                if let path = folder.appending(name) { try take(path) }
            }
        }
        return files
    }

    private static func isSource(_ path: String) -> Bool {
        path == "etc/apt/sources.list" || path.hasPrefix("etc/apt/sources.list.d/")
    }

    var hasSources: Bool { files.contains { Self.isSource($0.path) } }

    /// The first address for which apt would start another program than those that speak http.
    private static func foreignAddress(in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) where !line.drop(while: \.isWhitespace).hasPrefix("#") {
            for word in line.split(whereSeparator: \.isWhitespace) {
                let lower = word.lowercased()
                let field = ["uris:", "signed-by:"].first { lower.hasPrefix($0) } ?? ""
                let address = lower.dropFirst(field.count)
                guard address.contains(":/") || address.hasPrefix("cdrom:") else { continue }
                if !address.hasPrefix("http://"), !address.hasPrefix("https://") { return String(word) }
            }
        }
        return nil
    }

    /// The same files for a private root in `folder`: keys are looked for there, and nothing may spare an archive its
    /// signature.
    func files(below folder: String) throws(ForgeError) -> [(path: String, bytes: [UInt8])] {
        var result: [(path: String, bytes: [UInt8])] = []
        for file in files {
            guard Self.isSource(file.path) else {
                result.append(file)
                continue
            }
            var text = String(decoding: file.bytes, as: UTF8.self)
            let words = text.lowercased()
            for word in ["trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure"]
            where words.contains(word + "=") || words.contains("\n" + word + ":") || words.hasPrefix(word + ":") {
                throw ForgeError(
                    .badInput,
                    "could not find packages: /\(file.path) of the image takes an archive without its signature (\(word))",
                    hint: "remove that from the base, or name the .deb files with `debs`")
            }
            if let address = Self.foreignAddress(in: text) {
                throw ForgeError(
                    .badInput,
                    "could not find packages: /\(file.path) of the image names \(address.prefix(80)), and only archives of http "
                        + "and https are asked", hint: "name the .deb files with `debs`")
            }
            for place in ["/usr/share/keyrings/", "/etc/apt/keyrings/", "/etc/apt/trusted.gpg.d/"] {
                text = text.replacing(place, with: folder + place)
            }
            result.append((file.path, Array(text.utf8)))
        }
        return result
    }
}
