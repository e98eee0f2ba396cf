/// What a slot is to the others. Its name says it, but for a machine that has nothing to do with a ClusterHAT.
enum RoleSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "role", .text(.role),
            "`plain` makes a slot of any name a machine without ClusterHAT, from plain Raspberry Pi OS.",
            example: "node", scope: .slot)
    ]

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard let entry = layer.entry(name), let role = entry.value.text, role != slot.role.rawValue else { return [] }
        return [
            ProfileProblem(
                entry.position, "the slot \(slot) is a \(slot.role), not \(role)",
                hint: role == Slot.Role.plain.rawValue
                    ? "nas: {role: plain}, under a name of its own" : "take `role` out")
        ]
    }
}

extension TextFormat {
    static let role = TextFormat("role", pattern: "^(controller|node|plain)$") { text throws(Refusal) in
        guard Slot.Role(rawValue: text) != nil else {
            throw Refusal("there is no role \"\(text.shortened)\"", hint: "plain")
        }
    }
}
