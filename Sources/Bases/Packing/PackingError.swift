package import Blocks

/// Why an image could not be packed in blocks.
package enum PackingError: Error, Equatable, Sendable {
    /// Reading the image, or writing the packed file, failed.
    case block(BlockError)
    /// A compression library refused; `code` is its own number.
    case library(PackedFormat, code: Int)
    /// A compression library found no memory for a block.
    case outOfMemory(PackedFormat)
    case cancelled
}

extension PackingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .block(let error): "\(error)"
        case .library(let format, let code): "the \(format.rawValue) library failed with error \(code)"
        case .outOfMemory(let format): "the \(format.rawValue) library found no memory"
        case .cancelled: "cancelled"
        }
    }
}
