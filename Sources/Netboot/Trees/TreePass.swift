import Reports
package import Trees

/// One pass over a tree for several outputs, each with edits of its own: every entry and every byte is read once.
package struct TreePass {
    let source: any TreeSource
    /// What is dated later is given this time, in seconds since 1970-01-01 UTC.
    let latestTime: Int64

    /// Called with the number of bytes of files that were read so far.
    var progress: (Int64) -> Void = { _ in }

    package init(
        source: any TreeSource, latestTime: Int64, progress: @escaping (Int64) -> Void = { _ in }
    ) {
        self.source = source
        self.latestTime = latestTime
        self.progress = progress
    }

    private static let pieceSize: Int64 = 1 << 20
    private static let nameLimit = 24 << 20

    /// One output on the way.
    private final class Stop {
        let output: any TreeOutput
        var edits: TreeEdits.Cursor
        /// The first name of each file that has several.
        var firstNames: [UInt64: VolumePath] = [:]
        /// About how many bytes these take.
        var nameByteCount = 0

        init(_ output: any TreeOutput, _ edits: TreeEdits) {
            self.output = output
            self.edits = edits.cursor()
        }
    }

    /// Fails when the tree cannot be read; what goes wrong with an output is thrown by its own `finish`.
    package func run(_ outputs: [(output: any TreeOutput, edits: TreeEdits)]) throws(VolumeError) {
        let stops = outputs.map { Stop($0.output, $0.edits) }
        let reader = try source.treeReader()
        var isAtEnd = false
        var done: Int64 = 0
        while !isAtEnd, !Interruption.isRequested {
            let entry = try reader.next()
            isAtEnd = entry == nil
            var readers: [Stop] = []
            for stop in stops where !stop.output.hasFailed {
                let (edited, isKept) = stop.edits.step(to: entry)
                for own in edited where try begin(own, at: stop) { try copy(own, to: [stop]) }
                if isKept, let entry, try begin(entry, at: stop) { readers.append(stop) }
            }
            if let entry, !readers.isEmpty { try copy(entry, to: readers) }
            done = done.adding(entry?.byteCount ?? 0)
            progress(done)
        }
    }

    /// Whether the file's bytes must follow.
    private func begin(_ entry: TreeEntry, at stop: Stop) throws(VolumeError) -> Bool {
        var first: VolumePath?
        if let identity = entry.identity, entry.kind != .socket {
            first = stop.firstNames[identity]
            if first == nil {
                stop.firstNames[identity] = entry.path
                stop.nameByteCount += 32 + 16 * entry.path.components.count
                guard stop.nameByteCount <= Self.nameLimit else {
                    throw .unsupported(
                        feature: "hard links that take more than \(Self.nameLimit >> 20) MiB of memory",
                        remedy: "use a base with fewer files of several names")
                }
            }
        }
        stop.output.begin(try OutputEntry(entry, linkedTo: first, clampingTo: latestTime))
        return first == nil && entry.byteCount > 0
    }

    private func copy(_ entry: TreeEntry, to stops: [Stop]) throws(VolumeError) {
        guard case .file(let content) = entry.content else { return }
        var offset: Int64 = 0
        while let range = try content.nextData(from: offset) {
            offset = range.lowerBound
            while offset < range.upperBound, !Interruption.isRequested {
                let count = min(Self.pieceSize, range.upperBound - offset)
                let bytes = try content.bytes(at: offset, count: Int(count))
                for stop in stops { stop.output.write(bytes, at: offset) }
                offset += count
            }
            if Interruption.isRequested { return }
        }
    }
}
