/// When a block map (.bmap) is written beside an image, and how much of it can be checked.
package enum BmapPolicy: String, Sendable, CaseIterable {
    /// Always, with the digests of everything that was ever decoded; what was not has none.
    case auto
    /// Always, with all digests: what was never decoded is decoded for it, once for each base.
    case always
    case never
}
