package import Plans
package import Reports

/// What a node with a card is on USB, chosen so that its controller knows it.
package enum CardGadget {
    /// The newest that the controller whose 90-clusterctrl.rules these are names `ethpiN`.
    package static func choose(knownTo rules: String) throws(ForgeError) -> Settings.Gadget.Function {
        let rule = ControllerRule(rules, naming: "ethpi")
        let known: [(function: Settings.Gadget.Function, identity: GadgetIdentity)] = [
            (.ncm, .init(function: .ncm, product: "0021")), (.rndis, .init(function: .rndis, product: "0020")),
        ]
        if let match = known.first(where: { rule.recognises($0.identity, model: "ClusterCTRL") }) {
            return match.function
        }
        let accepted = rule.products.map { "0x\($0)" }.joined(separator: ", ")
        let isNewer = (rule.products.max() ?? "") > "0021"
        throw ForgeError(
            .badInput,
            isNewer
                ? "could not make a node for that controller: the node is too old, the controller knows USB products "
                    + "\(accepted) while this node can be 0x0021 or 0x0020"
                : "could not make a node for that controller: the controller is too old, its 90-clusterctrl.rules "
                    + (accepted.isEmpty ? "names no link to a node" : "knows USB products \(accepted)")
                    + " while this node can be 0x0021 or 0x0020",
            hint: isNewer ? "take a newer piforge" : "build the controller from a release of 2019-06 or later")
    }
}
