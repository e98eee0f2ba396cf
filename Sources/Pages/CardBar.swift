/// A card's partitions as a bar, each as wide as its share of the image, and none too narrow to be seen.
struct CardBar {
    private struct Piece {
        var name: String
        var detail: String
        var kind: HTML
        /// Thousandths of the bar.
        var width: Int
    }

    private let pieces: [Piece]

    init(_ partitions: [ClusterPage.Partition]) {
        let total = max(partitions.reduce(0) { $0 + max($1.byteCount, 0) }, 1)
        pieces = partitions.sorted { $0.start < $1.start }.map { partition in
            Piece(
                name: partition.role ?? "data", detail: "\(partition.size), \(partition.type)",
                kind: partition.role == "boot" ? "boot" : partition.role == "root" ? "root" : "data",
                width: max(60, Int(Double(max(partition.byteCount, 0)) / Double(total) * 1000)))
        }
    }

    /// Nothing where no partition is known.
    var html: HTML? {
        guard !pieces.isEmpty else { return nil }
        let parts = pieces.map { piece -> HTML in
            """
            <div class="\(piece.kind)" style="flex-grow:\(piece.width)"><b>\(piece.name)</b> <span>\(piece.detail)</span></div>

            """
        }
        return """
            <div class="bar">
            \(parts)<div class="free" style="flex-grow:120"><span>the rest of the card</span></div>
            </div>

            """
    }
}
