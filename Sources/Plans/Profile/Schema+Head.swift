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
            "image", .text(.path), "The base image, relative to the profile.", example: "images/bookworm-CNAT.img.xz",
            scope: .profile, isRequired: true),
        SchemaKey(
            "sha256", .text(.sha256), "SHA-256 of the image file; another one is refused.",
            example: String(repeating: "0", count: 64), scope: .profile),
    ]
}

extension TextFormat {
    static let clusterName = TextFormat("name", pattern: labelPattern, check: Validation.clusterName)
    static let sha256 = TextFormat("SHA-256", pattern: "^[0-9a-f]{64}$", check: Validation.sha256)
}
