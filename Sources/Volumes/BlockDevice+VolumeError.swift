import Blocks
import Reports
import Trees

/// The device's bytes with a volume's errors.
extension BlockDevice {
    func get(at offset: Int64, count: Int) throws(VolumeError) -> [UInt8] {
        try wrapping(
            bytes(at: offset, count: count),
            as: { (error: BlockError) in VolumeError(error, doing: "could not read \(count) bytes at \(offset)") })
    }

    func put(
        _ reader: any BlockReader, from start: Int64, count: Int64, at offset: Int64
    ) throws(VolumeError) {
        do throws(BlockError) {
            try place(reader, from: start, count: count, at: offset)
        } catch {
            throw VolumeError(error, doing: "could not write \(count) bytes at \(offset)")
        }
    }

    func put(_ bytes: RawSpan, at offset: Int64) throws(VolumeError) {
        try wrapping(
            write(bytes, at: offset),
            as: { (error: BlockError) in
                VolumeError(error, doing: "could not write \(bytes.byteCount) bytes at \(offset)")
            })
    }
}

extension VolumeError {
    /// Wraps an error of the device below a volume: packed data that is damaged, or an image that became shorter, is the image's fault
    /// and no failure of the machine.
    init(_ error: BlockError, doing what: String? = nil) {
        let text = what.map { "\($0): \(error)" } ?? "\(error)"
        switch error {
        case .damaged, .truncated, .changed: self = .corrupt(text)
        case .outOfBounds, .system: self = .device(text)
        case .cancelled: self = .cancelled
        }
    }
}
