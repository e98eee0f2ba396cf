import Glibc
import Images
package import Plans
package import Reports

/// The file with which Raspberry Pi Imager lists images on Windows, macOS and Linux, and checks and writes them: its own
/// manifest (rpi-imager, doc/json-schema/os-list-schema.json). Its names are Imager's.
///
/// A click on `CLUSTER.rpi-imager-manifest` opens it in Imager 2; older ones take it by `--repo`.
struct ImagerList: Encodable, Equatable, Sendable {
    var imager = Program()
    var osList: [Entry]

    enum CodingKeys: String, CodingKey {
        case imager
        case osList = "os_list"
    }

    /// Without devices of its own to choose from, Imager shows nothing.
    struct Program: Encodable, Equatable, Sendable {
        var devices = [Device.node, .controller]
    }

    struct Device: Encodable, Equatable, Sendable {
        var description: String
        var matchingType = "exclusive"
        var name: String
        var tags: [String]

        static let node = Device(
            description: "A Raspberry Pi Zero, Zero W or Zero 2 W on the ClusterHAT", name: "ClusterHAT node",
            tags: ["clusterhat-node"])
        static let controller = Device(
            description: "The Raspberry Pi that carries the ClusterHAT", name: "ClusterHAT controller",
            tags: ["clusterhat-controller"])

        enum CodingKeys: String, CodingKey {
            case description, name, tags
            case matchingType = "matching_type"
        }
    }

    struct Entry: Encodable, Equatable, Sendable {
        var architecture: String?
        var description: String
        var devices: [String]
        var extractSHA256: String
        var extractSize: Int64
        /// One that Imager brings along.
        var icon = "icons/use_custom.png"
        var imageDownloadSHA256: String
        var imageDownloadSize: Int64
        /// Imager must not offer to set what the profile has set.
        var initFormat = "none"
        var name: String
        var releaseDate: String
        var url: String

        enum CodingKeys: String, CodingKey {
            case architecture, description, devices, icon, name, url
            case extractSHA256 = "extract_sha256"
            case extractSize = "extract_size"
            case imageDownloadSHA256 = "image_download_sha256"
            case imageDownloadSize = "image_download_size"
            case initFormat = "init_format"
            case releaseDate = "release_date"
        }
    }
}

extension ImagerList {
    /// `hostNames` are those that the profile gives. `prefix` goes before the files' names; nil means where the images lie here.
    init(_ results: [Build.Result], hostNames: [Slot: String], prefix: String?) throws(ForgeError) {
        osList = []
        for result in results {
            let output = result.manifest.output
            guard let size = output.rawBytes, let digest = output.rawSHA256 else {
                throw ForgeError(.bug, "could not list \(result.imagePath): nobody knows its digest unpacked")
            }
            let slot = result.slot
            let name = hostNames[slot].map { "\($0) (\(slot))" } ?? slot.name
            let cluster = result.manifest.cluster.map { "\(slot) of \($0)" } ?? slot.name
            osList.append(
                Entry(
                    architecture: result.software?.architecture.map { $0 == "arm64" ? "armv8" : $0 },
                    description: "\(cluster), made from \(result.manifest.base.file)",
                    devices: Self.tags(of: slot, architecture: result.software?.architecture), extractSHA256: digest,
                    extractSize: size, imageDownloadSHA256: output.sha256, imageDownloadSize: output.bytes, name: name,
                    releaseDate: day(result.manifest.sourceDateEpoch),
                    url: try Self.url(of: result.imagePath, file: output.file, prefix: prefix)))
        }
    }

    /// Our own tags, and those of Raspberry Pi's list for whoever adds the entries to it.
    private static func tags(of slot: Slot, architecture: String?) -> [String] {
        let boards = slot.isNode ? [1, 3] : [1, 2, 3, 4, 5]
        let tags = boards.flatMap { board in
            (architecture == "arm64" ? [] : ["pi\(board)-32bit"])
                + (architecture == "armhf" || board < 3 ? [] : ["pi\(board)-64bit"])
        }
        return (slot.isNode ? Device.node.tags : slot.isPlain ? [] : Device.controller.tags) + tags
    }

    private static func url(of path: String, file: String, prefix: String?) throws(ForgeError) -> String {
        if let prefix { return prefix + (prefix.hasSuffix("/") ? "" : "/") + file.percentEncoded }
        guard let resolved = realpath(path, nil) else { throw ForgeError.writing(path, errno: errno) }
        defer { free(resolved) }
        return "file://" + String(cString: resolved).percentEncoded(keepingSlashes: true)
    }

}

/// Where such a list goes, and what it needs besides the images.
package struct ImagerListFile: Sendable {
    package let path: String
    private let hostNames: [Slot: String]
    private let prefix: String?
    private let replacing: Bool

    /// Throws when it must not be written there; before anything slow begins.
    package init(
        in folder: String, cluster: String?, hostNames: [Slot: String], prefix: String?, replacing: Bool
    ) throws(ForgeError) {
        path = OutputFolder.path(of: (cluster ?? "piforge") + ".rpi-imager-manifest", in: folder)
        self.hostNames = hostNames
        self.prefix = prefix
        self.replacing = replacing
        try OutputFile.checkReplaceable(path, replacing: replacing)
    }

    package func write(_ results: [Build.Result]) throws(ForgeError) {
        let bytes = try JSON.encode(ImagerList(results, hostNames: hostNames, prefix: prefix))
        let file = try OutputFile(path: path, mode: 0o666, replacing: replacing)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
    }
}
