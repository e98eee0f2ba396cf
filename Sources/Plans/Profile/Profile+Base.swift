extension Profile {
    /// The image that slots start from, and what vouches for it.
    package struct Base: Equatable, Sendable {
        package var source: Source
        /// 64 lower-case hex digits, of the file as it is downloaded.
        package var sha256: String?
        /// What was signed is the file as it is downloaded; nil when nobody signed it.
        package var signature: Signature?

        package enum Source: Equatable, Sendable {
            /// A path as the user would open it.
            case file(String)
            /// Addresses of the same file, in the order in which they are tried; never empty.
            case urls([String])
            /// An entry of a list of Raspberry Pi Imager; `list` is an address, or a path as the user would open it.
            case listed(name: String, list: String)
        }

        /// A detached OpenPGP signature.
        package struct Signature: Equatable, Sendable {
            /// An address or a path.
            package var location: String
            /// The path of the file with the keys of which one must have signed.
            package var keys: String

            package init(location: String, keys: String) {
                self.location = location
                self.keys = keys
            }
        }

        /// A path or an address.
        package init(image: String, sha256: String? = nil) {
            self.init(Validation.isURL(image) ? .urls([image]) : .file(image), sha256: sha256)
        }

        package init(_ source: Source, sha256: String? = nil, signature: Signature? = nil) {
            self.source = source
            self.sha256 = sha256
            self.signature = signature
        }
    }
}

extension Profile.Base {
    /// What it is called in messages: a path or an address.
    package var summary: String {
        switch source {
        case .file(let path): path
        case .urls(let urls): urls.first ?? ""
        case .listed(let name, let list): "\(name) of \(list)"
        }
    }

    /// Whether `text`, a path or an address from the command line, names the same image.
    package func isNamed(_ text: String) -> Bool {
        switch source {
        case .file(let path): path == text
        case .urls(let urls): urls.contains(text)
        case .listed: false
        }
    }

    /// Reads a mapping that the schema has checked; nil when it names no image, or one without what it needs, which is
    /// reported.
    init?(_ node: ProfileNode, _ decoder: inout SettingsDecoder) {
        let files = decoder.files
        func location(_ text: String) -> String { Validation.isURL(text) ? text : files.resolve(text) }
        let sha256 = node["sha256"]?.text
        if let image = node["image"]?.text {
            self.init(image: location(image), sha256: sha256)
        } else if let urls = node["url"]?.texts, !urls.isEmpty {
            self.init(.urls(urls), sha256: sha256)
        } else if let list = node["list"]?.text {
            guard let name = node["name"]?.text else {
                decoder.report(node.position, "`list` needs the key `name`", hint: "name: the image's name in the list")
                return nil
            }
            self.init(.listed(name: name, list: location(list)), sha256: sha256)
        } else {
            return nil
        }
        if node["name"] != nil, node["list"] == nil {
            decoder.report(node.position, "`name` is for `list`", hint: "leave it out")
        }
        signature = Self.signature(node, location, &decoder)
    }

    private static func signature(
        _ node: ProfileNode, _ location: (String) -> String, _ decoder: inout SettingsDecoder
    ) -> Signature? {
        switch (node["signature"]?.text, node["key"]?.text) {
        case (let signature?, let key?): return Signature(location: location(signature), keys: location(key))
        case (nil, nil): return nil
        case (_?, nil):
            decoder.report(
                node.position, "`signature` needs the key `key`", hint: "key: FILE with the maker's public key")
        case (nil, _?):
            decoder.report(node.position, "`key` needs the key `signature`", hint: "signature: URL or FILE")
        }
        return nil
    }
}

extension ProfileNode {
    /// A text alone, or those of a list.
    fileprivate var texts: [String] { text.map { [$0] } ?? items.compactMap(\.text) }
}
