extension BaseImage {
    /// The base's own blocks, for whoever copies them packed as they are; nil where it has none that stand alone.
    package var packed: PackedImage? {
        xz.map { PackedImage($0.file, index: $0.index) }
    }
}
