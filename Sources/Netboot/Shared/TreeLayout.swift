/// How the trees of several nodes lie beside each other.
package enum TreeLayout: Equatable, Sendable {
    /// A root for each.
    case full
    /// One root for all and a part for each, as `SharedLayout` says.
    case shared(SharedLayout.Upper)
}
