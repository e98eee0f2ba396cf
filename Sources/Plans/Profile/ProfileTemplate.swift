/// The profile that `piforge init` writes: it works as it is, and shows every key.
package enum ProfileTemplate {
    /// The name of an image of 8086's, for examples.
    package static let exampleBase = "2025-11-24-1-bookworm-ClusterCTRL-armhf-lite-CNAT.img.xz"

    /// The profile without a base.
    package static var text: String { text(base: nil) }

    /// `base`: the image to start from, as it can be opened from the profile's folder; nil for lines that show how.
    package static func text(base: String?) -> String {
        let lines = base.map { "base: \(ProfileDraft.quoted($0))\n" }
        return head + (lines ?? example) + settings
    }

    private static let settings =
        lines(of: .profile, indent: "") + defaults + lines(of: .defaults, indent: "  ") + slots

    /// The lines of all settings that may stand in a place.
    private static func lines(of place: SchemaKey.Scope, indent: String) -> String {
        let settings = Settings.table.filter { $0.keys.first?.scope.contains(place) == true && !$0.template.isEmpty }
        return settings.flatMap { $0.template.split(separator: "\n", omittingEmptySubsequences: false) }
            .map { $0.isEmpty ? "\n" : "\(indent)\($0)\n" }.joined()
    }

    private static let head = """
        # A piforge profile: one cluster, one card image for each slot.
        # Check it with `piforge plan`, build it with `piforge build`. All keys: docs/profile.md.
        version: 1

        # Begins the names of the outputs.
        cluster: mycluster

        # The image to start from, relative to this file. Without it, give --base.

        """

    private static let example = """
        # base:
        #   image: \(exampleBase)
        #   sha256: 0000000000000000000000000000000000000000000000000000000000000000

        """

    private static let defaults = """

        # For every slot.
        defaults:
        """

    private static let slots = """

        # The slots that exist. What a slot says comes on top of the defaults: values replace, lists add.
        slots:
          cnat:
            hostname: controller
            # Where you reach it; without this controller.local.
            # address: 192.168.1.20
            # A fixed address; without this DHCP decides.
            # network: {address: 192.168.1.20/24, gateway: 192.168.1.1, dns: [192.168.1.1]}
          p1:
            hostname: node1
            # The next number gives this slot alone a new host key.
            # identity_generation: 2
          p2:
            hostname: node2
          p3:
            hostname: node3
          p4:
            hostname: node4

        """
}
