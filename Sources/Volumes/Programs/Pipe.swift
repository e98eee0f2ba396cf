import Blocks
import CSandbox
import Glibc

/// Both ends of a pipe.
struct Pipe: ~Copyable {
    let reader: Descriptor
    /// Nil from `closeWriter` on.
    private(set) var writer: Descriptor?

    init() throws(MountError) {
        var ends: [Int32] = [-1, -1]
        guard csandbox_pipe(&ends) == 0, let reader = Descriptor(ends[0]) else { throw MountError("make", "a pipe") }
        self.reader = reader
        writer = Descriptor(ends[1])
    }

    /// For the process that gets this end; -1 when it is closed.
    var writerNumber: Int32 {
        switch writer {
        case .some(let writer): writer.number
        case nil: -1
        }
    }

    /// After the process that writes has been started, so that its end can be noticed.
    mutating func closeWriter() { writer = nil }

    /// All that comes until the last writer has closed its end, `limit` bytes at most.
    func all(limit: Int) -> [UInt8] {
        Transfer.rest(of: reader.number, limit: limit) ?? []
    }
}
