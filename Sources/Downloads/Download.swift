package import Blocks

/// What shall be downloaded, and what is known of it before.
package struct Download: Equatable, Sendable {
    /// Where it can be had, in the order in which that is tried; each of http or https.
    package var urls: [String]
    /// SHA-256 of the file; nil when what comes is taken on trust.
    package var sha256: SHA256Digest?
    /// Bytes; nil when unknown.
    package var byteCount: Int64?
    /// Whether an address whose file is in the cache is asked for a newer one; else that file will do.
    package var isRenewing: Bool

    package init(urls: [String], sha256: SHA256Digest? = nil, byteCount: Int64? = nil, isRenewing: Bool = true) {
        self.urls = urls
        self.sha256 = sha256
        self.byteCount = byteCount
        self.isRenewing = isRenewing
    }

    /// The file's name, from the first address.
    package var name: String { urls.first.map(Self.name(of:)) ?? "download" }

    /// The last part of an address without its query, as a file may be called.
    package static func name(of url: String) -> String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        let last = bare.split(separator: "/").dropFirst().dropFirst().last.map(String.init) ?? ""
        var bytes: [UInt8] = []
        var rest = Array(last.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let isName =
            !text.isEmpty && text != "." && text != ".." && text.utf8.count <= 200
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
        return isName ? text : "download"
    }
}
