package import Reports
package import Trees

extension ForgeError {
    /// Reports what went wrong in the file system of one partition.
    package init(_ error: VolumeError, on partition: Target.Partition) {
        let name = "\(partition.rawValue) partition"
        switch error {
        case .unsupported(let feature, let remedy):
            self.init(.badInput, "could not edit the \(name): \(feature)", hint: remedy)
        case .corrupt(let what):
            self.init(
                .badInput, "could not read the \(name): \(what)",
                hint: "check it with \(partition == .boot ? "fsck.fat -n" : "e2fsck -fn"), or download the image again")
        case .noSpace(let path):
            self.init(
                .badInput, "could not write \(partition.rawValue):\(path): the \(name) is full",
                hint: "put fewer or smaller files there")
        case .cancelled: self = .interruption
        case .device(let text):
            self.init(.inputOutput, "could not read the \(name): \(text)")
        case .notFound(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): there is no such file or folder")
        case .notADirectory(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): it is no folder")
        case .isADirectory(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): it is a folder")
        case .directoryNotEmpty(let path):
            self.init(.badInput, "could not remove \(partition.rawValue):\(path): the folder is not empty")
        case .tooManyLinks(let path):
            self.init(.badInput, "could not edit \(partition.rawValue):\(path): its links go in circles")
        case .invalidName(let text, let reason):
            self.init(.badInput, "could not use the name \(text) on the \(name): \(reason)")
        case .fileTooLarge(let path, let byteCount, let limit):
            self.init(
                .badInput,
                "could not write \(partition.rawValue):\(path): \(ByteCount(byteCount)) are more than the \(ByteCount(limit)) it may be"
            )
        case .notStorable(let path, let what):
            self.init(.badInput, "could not write \(partition.rawValue):\(path): the \(name) stores no \(what)")
        }
        cause = error
    }

    /// Reports why no plan could be made.
    package init(_ error: PlanError) {
        switch error {
        case .unreadable(let target, let error):
            self.init(error, on: target.partition)
        default:
            self.init(error.isInternal ? .bug : .badInput, error.message, hint: error.hint)
        }
        cause = error
    }

    /// The same error, said of a slot, unless the message names it already or all slots were interrupted.
    package func about(slot: Slot) -> ForgeError {
        kind == .interrupted || message.hasPrefix("slot \(slot.name):") ? self : about("slot \(slot.name)")
    }
}

extension PlanError: ReportedError {
    package var report: ForgeError { ForgeError(self) }
}

/// Does `work` on the file system of one partition; what it throws goes on as what a person reads of it.
package func wrapping<Value: ~Copyable>(
    on partition: Target.Partition, _ work: @autoclosure () throws(VolumeError) -> Value
) throws(ForgeError) -> Value {
    do throws(VolumeError) { return try work() } catch { throw ForgeError(error, on: partition) }
}

/// The same for several statements, whose closure begins with `() throws(VolumeError) in`.
package func wrapping<Value: ~Copyable>(
    on partition: Target.Partition, _ work: () throws(VolumeError) -> Value
) throws(ForgeError) -> Value {
    do throws(VolumeError) { return try work() } catch { throw ForgeError(error, on: partition) }
}
