import Trees

/// Further groups of the login user.
enum GroupsSetting: Setting {
    typealias Value = [String]

    static let keys = [
        SchemaKey(
            "groups", .list(.text(.groupName)), "Further groups of the user; one that the image lacks is made.",
            example: "[docker]")
    ]

    static let template = """

        # Further groups of the user.
        # groups: [docker]
        """

    static let facts: [Target] = [.root("/etc/group"), .root("/etc/gshadow")]

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planGroups() }
}

extension Settings {
    /// Names of groups that the login user is in besides those that it has.
    package var groups: [String] {
        get { self[GroupsSetting.self] }
        set { self[GroupsSetting.self] = newValue }
    }
}

extension Planner {
    /// A user that the first boot renames keeps its groups: usermod(8) renames it there, too.
    fileprivate mutating func planGroups() throws(PlanError) {
        guard !settings.groups.isEmpty else { return }
        guard let first = facts.firstUser else { throw .noFirstUser }
        let user = settings.user.flatMap { facts.user(named: $0) } ?? first
        let reason = "groups of \(user.name)"
        guard facts.bytes(.root, "/etc/group") != nil else {
            throw .missingInImage("/etc/group", purpose: "set the groups of \(user.name)")
        }
        try rewrite(
            "/etc/group", settings.groups.map { .addGroupMember(group: $0, user: user.name) }, reason: reason)
        guard facts.bytes(.root, "/etc/gshadow") != nil else { return }
        try rewrite(
            "/etc/gshadow", settings.groups.map { .addShadowGroupMember(group: $0, user: user.name) }, reason: reason,
            isSecret: true)
    }
}

// MARK: - What is valid

extension TextFormat {
    static let groupName = TextFormat("group name", pattern: "^[a-z_][a-z0-9_-]{0,31}$", check: Validation.groupName)
}

extension Validation {
    /// A group as groupadd(8) takes it: a small letter or `_`, then small letters, digits, `_` and `-`, at most 32.
    package static func groupName(_ name: String) throws(Refusal) {
        try characters(name, of: "group name", others: "_-", hint: "docker")
        guard let first = name.utf8.first, isLower(first) || first == UInt8(ascii: "_"),
            !name.utf8.contains(where: isUpper)
        else { throw Refusal("\"\(name.shortened)\" is no name of a group", hint: "docker") }
        guard name.utf8.count <= 32 else {
            throw Refusal("the group name has \(name.utf8.count) characters, the limit is 32")
        }
    }
}
