extension Schema {
    /// The keys that only the profile as a whole can have.
    static let headKeys: [SchemaKey] = [
        SchemaKey(
            "version", .integer(version...version), "The version of this format.", example: "1", scope: .profile,
            isRequired: true),
        SchemaKey(
            "cluster", .text(.clusterName), "Name of the cluster, which begins the names of the outputs.",
            example: "sg1", scope: .profile, isRequired: true),
        SchemaKey(
            "base", .objectOrFirst(baseKeys), "The image that every slot starts from.", example: "", scope: .profile),
    ]

    static let baseKeys: [SchemaKey] = [
        SchemaKey(
            "image", .text(.path), "The base image: a file, relative to the profile, or an address.",
            example: "images/bookworm-CNAT.img.xz", scope: .profile, isAlternative: true),
        SchemaKey(
            "url", .textOrList(.url), "Where the base image can be had; of several addresses the first that works.",
            example: "https://example.org/bookworm-CNAT.img.xz", scope: .profile, isAlternative: true),
        SchemaKey(
            "list", .text(.path),
            "A list of images for Raspberry Pi Imager, file or address, instead of `image` or `url`.",
            example: "https://example.org/os_list.json", scope: .profile, isAlternative: true),
        SchemaKey(
            "name", .text(.imageName), "The image's name in `list`, or `Menu / name`.",
            example: "Raspberry Pi OS Lite (64-bit)", scope: .profile),
        SchemaKey(
            "sha256", .text(.sha256), "SHA-256 of the image file, as it is downloaded; another one is refused.",
            example: String(repeating: "0", count: 64), scope: .profile),
        SchemaKey(
            "signature", .text(.path), "A detached OpenPGP signature of the image file: a file or an address.",
            example: "https://example.org/bookworm-CNAT.img.xz.sig", scope: .profile),
        SchemaKey(
            "key", .text(.path), "The file with the public keys of which one must have made `signature`.",
            example: "keys/maker.asc", scope: .profile),
    ]
}

extension TextFormat {
    static let clusterName = TextFormat("name", pattern: labelPattern, check: Validation.clusterName)
    static let url = TextFormat("URL", pattern: "^[Hh][Tt][Tt][Pp][Ss]?://.+$", check: Validation.url)
    static let imageName = TextFormat("name", pattern: "^.+$") { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("the name is empty") }
    }
    static let sha256 = TextFormat("SHA-256", pattern: "^[0-9a-f]{64}$", check: Validation.sha256)
}
