import Plans
import Trees

/// Applies rules to a file and claims that they are satisfied then: applying them again changes no byte.
func claimSettled(_ rules: [TextRule], on bytes: [UInt8]) throws(BrokenClaim) {
    let edit = Edit(Target(.root, "/file"), .rewrite(rules, missing: nil), reason: "")
    let old = FileNode(content: .file(bytes), metadata: .init(mode: 0o644))
    guard let once = try? edit.wanted(old, modified: 1) else { return }
    let again: FileNode?
    do throws(EditError) {
        again = try edit.wanted(once, modified: 2)
    } catch {
        throw BrokenClaim(description: "\(rules) refuse what they made: \(error)")
    }
    try claim(again == once, "\(rules) are never satisfied")
}
