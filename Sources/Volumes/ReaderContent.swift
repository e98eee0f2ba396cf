package import Blocks
package import Trees

/// The bytes of a file of this machine.
package struct ReaderContent: FileContent, Sendable {
    package let reader: any BlockReader

    package init(_ reader: any BlockReader) { self.reader = reader }

    package var byteCount: Int64 { reader.byteCount }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
        do throws(BlockError) { try reader.read(into: &buffer, at: offset) } catch { throw VolumeError(error) }
    }
}
