package import Trees

extension ImageFacts {
    /// A line of /etc/passwd.
    package struct User: Equatable, Sendable {
        package var name: String
        package var id: UInt32
        package var group: UInt32
        package var home: VolumePath
    }

    package var users: [User] {
        TextLines(text(.root, "/etc/passwd") ?? "").lines.compactMap { line in
            let fields = line.text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 7, let id = UInt32(fields[2]), let group = UInt32(fields[3]),
                let home = VolumePath(fields[5])
            else { return nil }
            return User(name: fields[0], id: id, group: group, home: home)
        }
    }

    /// The user with id 1000, whom Raspberry Pi OS sets up.
    package var firstUser: User? { users.first { $0.id == 1000 } }

    package func user(named name: String) -> User? { users.first { $0.name == name } }
}
