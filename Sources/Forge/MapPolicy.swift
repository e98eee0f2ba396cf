/// When a block map (.bmap) is written beside an image.
package enum MapPolicy: String, Sendable, CaseIterable {
    /// Where what is in the base is known, or can be known without decoding what no slot changes.
    case auto
    /// Also where the whole base must be decoded for it once; what is found is kept in the cache.
    case always
    case never
}
