/// Why a hand-off cannot be written down.
package enum HandoffError: Error, Equatable, Sendable {
    /// A path with a character that ssh_config(5) cannot express.
    case unusablePath(String)

    package var message: String {
        switch self {
        case .unusablePath(let path):
            "could not name \(path) in ssh_config: it has a quote, a backslash, `${` or a control character"
        }
    }

    package var hint: String? {
        switch self {
        case .unusablePath: "choose another folder: --output DIR"
        }
    }
}
