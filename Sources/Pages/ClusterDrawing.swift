/// The cluster as a picture: the controller above, and below it a board for each four nodes, as a ClusterHAT carries them.
struct ClusterDrawing {
    private static let columns = 4
    private static let node = (width: 214, height: 96, gap: 14)
    private static let board = (padding: 14, title: 26, gap: 22)
    private static let controller = (width: 300, height: 84)

    private let controllers: [ClusterPage.Machine]
    private let boards: [[ClusterPage.Machine]]

    init(_ machines: [ClusterPage.Machine]) {
        controllers = machines.filter(\.isController)
        let nodes = machines.filter(\.isNode)
        boards = stride(from: 0, to: nodes.count, by: Self.columns).map {
            Array(nodes[$0..<min($0 + Self.columns, nodes.count)])
        }
    }

    private var boardWidth: Int {
        Self.columns * (Self.node.width + Self.node.gap) - Self.node.gap + 2 * Self.board.padding
    }
    private var boardHeight: Int { Self.node.height + Self.board.title + 2 * Self.board.padding - 8 }
    private var width: Int { boardWidth + 60 }
    private var top: Int { controllers.isEmpty ? 10 : Self.controller.height + 46 }
    private var height: Int { top + boards.count * (boardHeight + Self.board.gap) + 4 }

    /// An `svg` element that takes its colours from the page.
    var svg: HTML {
        var parts: [HTML] = []
        for index in boards.indices { parts.append(cable(to: index)) }
        for (index, controller) in controllers.enumerated() {
            let step = Self.controller.width + 20
            let left = (width - controllers.count * step + 20) / 2 + index * step
            parts.append(box(controller, x: left, y: 6, size: Self.controller))
        }
        for (index, nodes) in boards.enumerated() { parts.append(board(nodes, at: index)) }
        return """
            <svg class="cluster" viewBox="0 0 \(width) \(height)" role="img" aria-label="The cluster's machines">
            \(parts)</svg>

            """
    }

    private func boardTop(_ index: Int) -> Int { top + index * (boardHeight + Self.board.gap) }

    /// From the controller down the left side to a board.
    private func cable(to index: Int) -> HTML {
        guard !controllers.isEmpty else { return "" }
        let middle = boardTop(index) + boardHeight / 2
        let (below, left) = (Self.controller.height + 26, 14)
        return """
            <path class="cable" d="M\(width / 2) \(Self.controller.height + 6) V\(below) H\(left) V\(middle) H30"/>

            """
    }

    private func board(_ nodes: [ClusterPage.Machine], at index: Int) -> HTML {
        let y = boardTop(index)
        let title: HTML = boards.count == 1 ? "ClusterHAT" : "ClusterHAT \(index + 1)"
        let boxes = nodes.enumerated().map { column, node in
            box(
                node, x: 30 + Self.board.padding + column * (Self.node.width + Self.node.gap),
                y: y + Self.board.title + Self.board.padding - 8, size: (Self.node.width, Self.node.height))
        }
        return """
            <rect class="board" x="30" y="\(y)" width="\(boardWidth)" height="\(boardHeight)" rx="12"/>
            <text class="title" x="\(30 + Self.board.padding)" y="\(y + 22)">\(title)</text>
            \(boxes)
            """
    }

    private func box(_ machine: ClusterPage.Machine, x: Int, y: Int, size: (width: Int, height: Int)) -> HTML {
        let link: HTML? = machine.link.map { "<text class=\"small\" x=\"\(x + 14)\" y=\"\(y + 84)\">\($0)</text>\n" }
        return """
            <a href="#\(machine.slot)">
            <rect class="\(machine.isController ? "machine controller" : "machine")" x="\(x)" y="\(y)" width="\(size.width)" height="\(size.height)" rx="9"/>
            <text class="name" x="\(x + 14)" y="\(y + 32)">\(Self.shortened(machine.hostname, to: size.width / 13))</text>
            <text class="slot" x="\(x + size.width - 14)" y="\(y + 30)" text-anchor="end">\(machine.slot)</text>
            <text class="line" x="\(x + 14)" y="\(y + 60)">\(Self.shortened(machine.address, to: size.width / 9))</text>
            \(link)</a>

            """
    }

    /// A name that fits into its box.
    private static func shortened(_ text: String, to count: Int) -> String {
        text.count <= count ? text : text.prefix(count - 1) + "…"
    }
}
