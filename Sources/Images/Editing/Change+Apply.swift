package import Plans
package import Reports
package import Trees

extension Change {
    /// Makes the change; the planner has already seen that it can be made.
    package func apply(boot: any Volume, root: any Volume) throws(ForgeError) {
        let volume = edit.target.partition == .boot ? boot : root
        try wrapping(as: failure) { () throws(VolumeError) in
            if let wanted {
                if let old, old.kind != wanted.kind { try volume.remove(edit.target.path) }
                try volume.put(wanted, at: edit.target.path)
            } else {
                try volume.remove(edit.target.path)
            }
        }
    }

    /// Of a file that does not fit, its size is told.
    private func failure(_ error: VolumeError) -> ForgeError {
        let partition = edit.target.partition
        guard case .noSpace = error, let size = wanted?.content.fileContent?.byteCount else {
            return ForgeError(error, on: partition)
        }
        return ForgeError(
            .badInput,
            "could not write \(edit.target): it has \(ByteCount(size)), and the \(partition.rawValue) partition has too "
                + "little room left",
            hint: "put fewer or smaller files there, or use a base whose \(partition.rawValue) partition is larger")
    }
}
