/// A model of the Raspberry Pi, as far as config.txt can tell them apart.
package enum Board: String, CaseIterable, Sendable {
    case zero, zeroW, zero2W, pi1, pi2, pi3, pi3Plus, pi4, pi400, cm4, pi5, pi500, cm5

    /// The section names that hold for it.
    package var filters: Set<String> {
        switch self {
        case .zero: ["pi0"]
        case .zeroW: ["pi0", "pi0w"]
        case .zero2W: ["pi0", "pi02"]
        case .pi1: ["pi1"]
        case .pi2: ["pi2"]
        case .pi3: ["pi3"]
        case .pi3Plus: ["pi3", "pi3+"]
        case .pi4: ["pi4"]
        case .pi400: ["pi4", "pi400"]
        case .cm4: ["pi4", "cm4"]
        case .pi5: ["pi5"]
        case .pi500: ["pi5", "pi500"]
        case .cm5: ["pi5", "cm5"]
        }
    }

    /// The key of config.txt that says how much memory the GPU gets on boards with as much memory as this one; nil when
    /// its firmware gives it none.
    package var memoryKey: String? {
        switch self {
        case .zero, .zeroW, .zero2W, .pi1: "gpu_mem_512"
        case .pi2, .pi3, .pi3Plus, .pi4, .pi400, .cm4: "gpu_mem_1024"
        case .pi5, .pi500, .cm5: nil
        }
    }

    /// The boards that a node of a cluster can be: they are USB devices.
    package static let nodes: [Board] = [.zero, .zeroW, .zero2W]
    package static let controllers: [Board] = allCases.filter { !nodes.contains($0) }
}
