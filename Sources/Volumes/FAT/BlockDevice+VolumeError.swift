import Blocks
import Trees

/// The device's bytes with a volume's errors.
extension BlockDevice {
    func get(at offset: Int64, count: Int) throws(VolumeError) -> [UInt8] {
        do {
            return try bytes(at: offset, count: count)
        } catch {
            throw .device("could not read \(count) bytes at \(offset): \(error)")
        }
    }

    func put(_ bytes: RawSpan, at offset: Int64) throws(VolumeError) {
        do {
            try write(bytes, at: offset)
        } catch {
            throw .device("could not write \(bytes.byteCount) bytes at \(offset): \(error)")
        }
    }
}
