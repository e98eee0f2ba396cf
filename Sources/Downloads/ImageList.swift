package import Blocks
import FoundationEssentials

/// The list of images that Raspberry Pi Imager reads (rpi-imager, doc/schema/os-list-schema.json), as far as a download
/// needs it: names, addresses, sizes and digests, at any depth.
package struct ImageList: Equatable, Sendable {
    package struct Image: Equatable, Sendable {
        package var name: String
        /// The names of the menus that it stands in, from the outermost on.
        package var menus: [String]
        package var url: String
        /// Bytes and SHA-256 of the file as it is downloaded.
        package var byteCount: Int64?
        package var sha256: SHA256Digest?
        /// Bytes and SHA-256 of the image in it.
        package var imageByteCount: Int64?
        package var imageSHA256: SHA256Digest?

        /// `Raspberry Pi OS (other) / Raspberry Pi OS Lite`
        package var path: String { (menus + [name]).joined(separator: " / ") }
    }

    /// A menu whose entries are in a list of their own.
    package struct FurtherList: Equatable, Sendable {
        package var url: String
        /// The names of the menus that it fills, from the outermost on.
        package var menus: [String]
    }

    package private(set) var images: [Image] = []
    /// Lists that this one names and that were not read yet, in its order.
    package private(set) var furtherLists: [FurtherList] = []

    /// Bytes of the largest list that is read; the official one has 100 kB.
    package static let byteLimit = 16 << 20
    /// How many further lists are read for one image; the official list names some 20.
    package static let furtherListLimit = 64

    /// Why a list or an entry cannot be used, in words.
    package struct Problem: Error, Equatable, Sendable {
        package let message: String
        package var hint: String?
    }

    package init(json: [UInt8]) throws(Problem) {
        let decoded: Root
        do {
            decoded = try JSONDecoder().decode(Root.self, from: Data(json))
        } catch {
            throw Problem(message: "it is no list of Raspberry Pi Imager: \(Self.reason(error))")
        }
        for item in decoded.items { try add(item, below: []) }
    }

    private mutating func add(_ item: Item, below menus: [String]) throws(Problem) {
        if let url = item.furtherList { furtherLists.append(FurtherList(url: url, menus: menus + [item.name])) }
        for inner in item.subitems ?? [] { try add(inner, below: menus + [item.name]) }
        guard let url = item.url else { return }
        images.append(
            Image(
                name: item.name, menus: menus, url: url,
                byteCount: try Self.size(item.downloadSize, of: item, "image_download_size"),
                sha256: try Self.digest(item.downloadSHA256, of: item, "image_download_sha256"),
                imageByteCount: try Self.size(item.extractSize, of: item, "extract_size"),
                imageSHA256: try Self.digest(item.extractSHA256, of: item, "extract_sha256")))
    }

    package func hasImage(named name: String) -> Bool { images.contains { $0.name == name || $0.path == name } }

    /// Takes the first of the lists that were not read yet, nil when all were.
    package mutating func takeFurtherList() -> FurtherList? {
        furtherLists.isEmpty ? nil : furtherLists.removeFirst()
    }

    /// Adds what a further list holds, below its menus.
    package mutating func add(_ list: ImageList, in further: FurtherList) {
        for var image in list.images {
            image.menus = further.menus + image.menus
            images.append(image)
        }
        furtherLists += list.furtherLists.map { FurtherList(url: $0.url, menus: further.menus + $0.menus) }
    }

    /// The image with this name, or this path of menus and name; throws when there is none or several.
    package func image(named name: String) throws(Problem) -> Image {
        let found = images.filter { $0.name == name || $0.path == name }
        // One image may stand in several menus.
        guard let first = found.first else {
            let wanted = name.lowercased()
            let near = images.filter { $0.name.lowercased().contains(wanted) || wanted.contains($0.name.lowercased()) }
            let names = (near.isEmpty ? images : near).prefix(5).map { "\"\($0.name)\"" }
            let further = furtherLists.first.map { "; further ones are in \($0.url)" } ?? ""
            throw Problem(
                message: "it has no image \"\(name)\"",
                hint: names.isEmpty
                    ? "it has no image at all\(further)" : "it has \(names.joined(separator: ", "))\(further)")
        }
        guard found.allSatisfy({ $0.url == first.url }) else {
            let paths = found.prefix(4).map { "\"\($0.path)\"" }
            throw Problem(
                message: "it has \(found.count) images \"\(name)\"",
                hint: "name the menu, too: \(paths.joined(separator: " or "))")
        }
        return first
    }

    // MARK: Values

    private static func size(_ size: Int64?, of item: Item, _ key: String) throws(Problem) -> Int64? {
        // 0 stands in some lists for what nobody measured.
        guard let size, size != 0 else { return nil }
        guard size > 0 else { throw Problem(message: "\(key) of \"\(item.name)\" is \(size)") }
        return size
    }

    private static func digest(_ text: String?, of item: Item, _ key: String) throws(Problem) -> SHA256Digest? {
        guard let text, !text.isEmpty else { return nil }
        guard let digest = SHA256Digest(hex: text) else {
            throw Problem(message: "\(key) of \"\(item.name)\" is no SHA-256")
        }
        return digest
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "it cannot be read" }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context)) has no \(key.stringValue)"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(place(context)) has another type than the format says"
        default: return "it is no JSON"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }
        return path.isEmpty ? "it" : path.joined(separator: ".")
    }

    private struct Root: Decodable {
        var items: [Item]

        enum CodingKeys: String, CodingKey { case items = "os_list" }
    }

    private struct Item: Decodable {
        var name: String
        var url: String?
        var subitems: [Item]?
        var furtherList: String?
        var downloadSize: Int64?
        var downloadSHA256: String?
        var extractSize: Int64?
        var extractSHA256: String?

        enum CodingKeys: String, CodingKey {
            case name, url, subitems
            case furtherList = "subitems_url"
            case downloadSize = "image_download_size"
            case downloadSHA256 = "image_download_sha256"
            case extractSize = "extract_size"
            case extractSHA256 = "extract_sha256"
        }
    }
}
