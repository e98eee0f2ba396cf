package import Blocks

/// What happened to one card.
package struct CardOutcome: Equatable, Sendable {
    /// Size of the image in bytes.
    package var imageByteCount: Int64 = 0
    /// Bytes of it that a card must hold.
    package var mappedByteCount: Int64 = 0
    /// Bytes of it written, those of a second try included.
    package var writtenByteCount: Int64 = 0
    /// Bytes written as zeros first: the old table and signatures.
    package var erasedByteCount: Int64 = 0
    /// Bytes read to find out whether they differ.
    package var comparedByteCount: Int64 = 0
    /// Bytes read back after they were written.
    package var checkedByteCount: Int64 = 0
    /// Ranges that were not right at the first try.
    package var retries = 0
    /// Whether the kernel knows the new partitions.
    package var isTableRead = true
    /// The digest of the whole image; nil when nobody asked for it.
    package var digest: SHA256Digest?

    /// What became of the root partition where it was to fill the card, and did not yet; nil else.
    package var growth: Growth?

    package enum Growth: Equatable, Sendable {
        /// It does now.
        case filled(rootByteCount: Int64)
        /// The first boot will do it, so that it was left out.
        case leftToFirstBoot
    }

    package init() {}
}
