import CLinux

extension OutputFile {
    /// Lets the disk work on what was written while more is computed. The kernel by itself would begin when a tenth of
    /// the memory is dirty, and `commit` would wait for nearly all of it. A hint: failing loses nothing.
    static func startWriteback(_ range: Range<Int64>, of descriptor: Int32) {
        _ = clinux_start_writeback(descriptor, range.lowerBound, range.upperBound - range.lowerBound)
    }

    package func startWriteback(_ range: Range<Int64>) { Self.startWriteback(range, of: descriptor) }
}
