import Reports

/// What can be wrong with a card, in words that say what that means.
extension ForgeError {
    /// The medium was there and would not take bytes.
    static func unwritable(_ path: String, _ ranges: [Range<Int64>]) -> ForgeError {
        let places = ranges.isEmpty ? "what was written does not get to it" : "\(describe(ranges)) cannot be written"
        return ForgeError(
            .inputOutput, "could not write \(path): \(places), also when tried again: this card is worn",
            hint: "use another card; this one is without a partition table now")
    }

    /// Bytes came back other than they were written.
    static func unreliable(_ path: String, _ ranges: [Range<Int64>]) -> ForgeError {
        ForgeError(
            .inputOutput,
            "could not write \(path): \(describe(ranges)) do not read back as written, also when written again: "
                + "this card is worn or lies about its size",
            hint: "use another card; this one is without a partition table now")
    }

    /// What is written at one place appears at another.
    static func counterfeit(_ path: String, claimed: Int64, written: Int64, found: Int64) -> ForgeError {
        ForgeError(
            .inputOutput,
            "could not write \(path): it says it holds \(ByteCount(claimed)), but what is written at \(written) appears "
                + "at \(found): this card lies about its size",
            hint: "send it back; it loses what is stored behind its real end")
    }

    /// The places that a card of its size must have do not keep anything.
    static func forgetful(_ path: String, claimed: Int64, at offset: Int64) -> ForgeError {
        ForgeError(
            .inputOutput,
            "could not write \(path): it says it holds \(ByteCount(claimed)), but does not keep what is written at "
                + "\(offset): this card is worn or lies about its size",
            hint: "use another card; this one is without a partition table now")
    }

    static func vanished(_ path: String) -> ForgeError {
        ForgeError(
            .inputOutput, "could not write \(path): the card was taken out, or its reader has failed",
            hint: "the card has no partition table now; put it in and write it again")
    }

    /// Said instead of the general sentence, which is about files.
    static func interruptedCard(_ path: String) -> ForgeError {
        ForgeError(
            .interrupted, "interrupted; \(path) is without a partition table now",
            hint: "write it again before it is used")
    }

    /// `bytes 4096-8191 and 12288-16383`, at most three and how many more.
    private static func describe(_ all: [Range<Int64>]) -> String {
        let ranges = all.reduce(into: [Range<Int64>]()) { merged, range in
            if let last = merged.last, last.upperBound == range.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<range.upperBound
            } else {
                merged.append(range)
            }
        }
        let shown = ranges.prefix(3).map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ", ")
        let more = ranges.count > 3 ? " and \(ranges.count - 3) ranges more" : ""
        return "bytes \(shown)\(more)"
    }
}
