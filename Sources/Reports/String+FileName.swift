extension StringProtocol {
    /// What a path ends with: `image.xz` of `/srv/images/image.xz`; empty when it names nothing.
    package var fileName: String {
        // By bytes: for Swift, a combining mark after `/` is a part of that character.
        utf8.split(separator: 0x2F).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
