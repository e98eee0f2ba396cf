import Foundation

/// A small package made by dpkg-deb.
package struct DebianPackage {
    package var name: String
    package var version = "1.0"
    package var architecture = "armhf"
    /// Further lines of its control file.
    package var fields: [String] = []
    /// Text by path without a leading slash.
    package var files: [String: String] = [:]
    /// What lies at paths without a leading slash, copied from files of this machine.
    package var copies: [String: String] = [:]
    /// Maintainer scripts by name, each after `#!/bin/sh` and `set -e`.
    package var scripts: [String: String] = [:]
    /// dpkg-deb's word: xz, gzip, zstd, none.
    package var packing = "gzip"
    /// Its control file is packed in the same way.
    package var isUniform = true

    package init(
        _ name: String, version: String = "1.0", architecture: String = "armhf", fields: [String] = [],
        files: [String: String] = [:], copies: [String: String] = [:], scripts: [String: String] = [:],
        packing: String = "gzip", isUniform: Bool = true
    ) {
        self.name = name
        self.version = version
        self.architecture = architecture
        self.fields = fields
        self.files = files
        self.copies = copies
        self.scripts = scripts
        self.packing = packing
        self.isUniform = isUniform
    }

    /// Writes it into a folder and returns its path.
    @discardableResult
    package func make(in folder: String) throws -> String {
        let tree = try TemporaryFolder()
        let manager = FileManager.default
        func place(_ path: String) throws -> String {
            let place = tree.path + "/" + path
            try manager.createDirectory(
                atPath: URL(fileURLWithPath: place).deletingLastPathComponent().path, withIntermediateDirectories: true)
            return place
        }
        let control =
            ["Package: \(name)", "Version: \(version)", "Architecture: \(architecture)"] + fields
            + ["Maintainer: Nobody <nobody@example.org>", "Description: made by a test"]
        try Shell.write(Array((control.joined(separator: "\n") + "\n").utf8), to: place("DEBIAN/control"))
        for (path, text) in files { try Shell.write(Array(text.utf8), to: place(path)) }
        for (path, source) in copies { try manager.copyItem(atPath: source, toPath: place(path)) }
        for (script, text) in scripts {
            let path = try place("DEBIAN/" + script)
            try Shell.write(Array("#!/bin/sh\nset -e\n\(text)\n".utf8), to: path)
            chmod(path, 0o755)
        }
        chmod(tree.path, 0o755)
        let path = "\(folder)/\(name)_\(version.replacingOccurrences(of: ":", with: "%3a"))_\(architecture).deb"
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let options = ["--root-owner-group", "-Z\(packing)"] + (isUniform ? ["--uniform-compression"] : [])
        let made = try Shell.run(
            "dpkg-deb", options + ["--build", tree.path, path], environment: ["SOURCE_DATE_EPOCH": "1700000000"])
        guard made.status == 0 else { throw Failure(description: "dpkg-deb: \(made.error)") }
        return path
    }

    package struct Failure: Error, CustomStringConvertible { package var description: String }
}
