import Blocks
import Fleet
import Netboot
import Reports

/// One slot's tree on its way to another machine, as a tar that goes through ssh.
final class RemoteTree: TreeOutput {
    /// A tree that lies there whole, not yet in its place.
    struct Received {
        /// The inode of its folder, by which it is known again.
        var inode: String
        /// Paths that were to be kept and are not there.
        var missing: [String]
    }

    private let run: RemoteRun
    private let tar: TarOutput
    private let didReceive: (Received) -> Void

    init(_ run: RemoteRun, _ compressor: ChunkCompressor, didReceive: @escaping (Received) -> Void) {
        self.run = run
        self.didReceive = didReceive
        tar = TarOutput(TarWriter(to: run.input, named: run.host, compressor: compressor), chunking: .raw)
    }

    deinit { run.end() }

    var hasFailed: Bool { tar.hasFailed }

    func begin(_ item: OutputEntry) { tar.begin(item) }

    func write(_ bytes: [UInt8], at offset: Int64) { tar.write(bytes, at: offset) }

    /// Throws when what came there is not what was sent; there it is removed then.
    func finish() throws(ForgeError) -> WrittenTree {
        let written: WrittenTree
        do throws(ForgeError) {
            written = try tar.finish()
        } catch {
            if error.kind == .interrupted { throw error }
            // Why the other end takes no more is known there.
            _ = try run.finish()
            throw error
        }
        let lines = String(decoding: try run.finish(), as: UTF8.self).split(separator: "\n")
        func values(_ name: String) -> [String] {
            lines.filter { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.utf8.count + 1)) }
        }
        guard let sum = values("sum").first, let inode = values("inode").first else {
            throw ForgeError(.inputOutput, "could not install on \(run.host): it does not say what it received")
        }
        // What is not as it was sent is removed as well, by whoever knows of it.
        didReceive(Received(inode: inode, missing: values("missing")))
        guard SHA256Digest(hex: sum) == written.digest else {
            throw ForgeError(
                .inputOutput, "could not install on \(run.host): what came there is not what was sent",
                hint: "run it again")
        }
        return written
    }
}
