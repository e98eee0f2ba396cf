import Reports

extension ForgeError {
    /// Reports what is wrong with an image's partition table.
    package init(_ error: PartitionTableError) {
        switch error {
        case .unreadable(let error): self.init(error)
        case .cannotGrow: self.init(.badInput, "could not grow the root partition: \(error)")
        default: self.init(.badInput, "could not find the partitions of the image: \(error)")
        }
    }
}
