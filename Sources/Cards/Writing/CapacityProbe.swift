import Blocks
import Glibc
import Reports

/// Finds out in a moment whether a card is as large as it says, before the long write.
///
/// Counterfeits answer for offsets after their real end with those before it, mostly modulo a power of two, or forget
/// what is written there. A different block is written at each power of two and at the end; all must come back.
struct CapacityProbe {
    let medium: any CardMedium

    private static let blockSize = 4096

    /// Nobody sells smaller cards, and the space before is written soon.
    private static let smallest: Int64 = 16 << 20

    var offsets: [Int64] {
        let last = (medium.byteCount - Int64(Self.blockSize)) / Int64(Self.blockSize) * Int64(Self.blockSize)
        var offsets: [Int64] = []
        var offset = Self.smallest
        while offset < last {
            offsets.append(offset)
            offset *= 2
        }
        return last >= Self.smallest ? offsets + [last] : []
    }

    /// Leaves zeros where it wrote; uses the first 8 KiB of `buffer`.
    func run(buffer: borrowing AlignedBuffer) throws(ForgeError) {
        let offsets = offsets
        let block = buffer.part(0..<Self.blockSize)
        for offset in offsets { try store(mark(offset, in: block), at: offset) }
        do throws(BlockError) { try medium.flush() } catch { throw .unwritable(medium.path, []) }
        let found = buffer.part(Self.blockSize..<2 * Self.blockSize)
        for offset in offsets {
            do throws(BlockError) { try medium.fill(found, at: offset) } catch { throw forgetful(offset) }
            if isEqual(mark(offset, in: block), found) { continue }
            if let other = offsets.first(where: { isEqual(mark($0, in: block), found) }) {
                throw .counterfeit(medium.path, claimed: medium.byteCount, written: other, found: offset)
            }
            throw forgetful(offset)
        }
        block.initializeMemory(as: UInt8.self, repeating: 0)
        for offset in offsets { try store(UnsafeRawBufferPointer(block), at: offset) }
    }

    private func store(_ block: UnsafeRawBufferPointer, at offset: Int64) throws(ForgeError) {
        do throws(BlockError) { try medium.store(block, at: offset) } catch { throw forgetful(offset) }
    }

    private func forgetful(_ offset: Int64) -> ForgeError {
        .forgetful(medium.path, claimed: medium.byteCount, at: offset)
    }

    private func isEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeMutableRawBufferPointer) -> Bool {
        guard let first = a.baseAddress, let second = b.baseAddress else { return false }
        return memcmp(first, second, min(a.count, b.count)) == 0
    }

    /// The block that belongs at an offset.
    private func mark(_ offset: Int64, in block: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        var word = UInt64(bitPattern: offset)
        for index in stride(from: 0, to: block.count, by: 8) {
            // The numbers of a linear congruential generator (Knuth's MMIX): no two offsets share a block.
            word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            block.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
        }
        return UnsafeRawBufferPointer(block)
    }
}
