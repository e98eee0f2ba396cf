package import Plans
package import Reports
package import Trees

extension Change {
    /// Makes the change; the planner has already seen that it can be made.
    package func apply(boot: any Volume, root: any Volume) throws(ForgeError) {
        let volume = edit.target.partition == .boot ? boot : root
        do throws(VolumeError) {
            if let wanted {
                if let old, old.kind != wanted.kind { try volume.remove(edit.target.path) }
                try volume.put(wanted, at: edit.target.path)
            } else {
                try volume.remove(edit.target.path)
            }
        } catch {
            throw ForgeError(error, on: edit.target.partition)
        }
    }
}
