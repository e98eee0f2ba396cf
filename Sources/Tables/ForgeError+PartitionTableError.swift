package import Reports

extension ForgeError {
    package static let cutShortHint = "the file is not whole: download it again, or copy the card again, to its end"

    /// Reports what is wrong with an image's partition table.
    package init(_ error: PartitionTableError) {
        switch error {
        case .unreadable(let error): self.init(error)
        case _ where error.isCutShort:
            self.init(
                .badInput, "could not find the partitions of the image: \(error)", hint: Self.cutShortHint)
        case .ambiguous:
            self.init(
                .badInput, "could not find the partitions of the image: \(error)",
                hint: "cmdline.txt on the boot partition decides: say there which one is root, as root=PARTUUID=…")
        case .cannotGrow: self.init(.badInput, "could not grow the root partition: \(error)")
        default: self.init(.badInput, "could not find the partitions of the image: \(error)")
        }
        cause = error
    }
}

extension PartitionTableError: ReportedError {
    package var report: ForgeError { ForgeError(self) }
}
