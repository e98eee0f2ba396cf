/// The users and groups of a system: /etc/passwd, /etc/shadow and /etc/group (passwd(5), shadow(5), group(5)). Of several
/// lines with one name the first one counts, as for getpwnam(3).
package struct Accounts: Equatable, Sendable {
    package struct User: Equatable, Sendable {
        package var name: String
        /// The second field of /etc/passwd: `x` sends programs to /etc/shadow.
        package var password: String
        package var id: UInt32
        package var group: UInt32
        package var home: String
        package var shell: String
        /// From 1.
        package var line: Int
    }

    package struct Shadow: Equatable, Sendable {
        package var hash: String
        /// Days since 1970-01-01; 0: to be changed at the next login. Nil for none.
        package var changed: Int?
        /// Days that the password may have; nil for any.
        package var lasts: Int?
        /// After this day since 1970-01-01 nobody gets in; nil for never.
        package var expires: Int?
        /// From 1.
        package var line: Int
    }

    package struct Group: Equatable, Sendable {
        package var name: String
        package var id: UInt32
        package var members: [String]
    }

    package private(set) var users: [User] = []
    package private(set) var shadows: [String: Shadow] = [:]
    package private(set) var groups: [Group] = []
    /// Where users are in `users`, by name, and groups in `groups`, by id and by member.
    private var places: [String: Int] = [:]
    private var groupsByID: [UInt32: [Int]] = [:]
    private var groupsByMember: [String: [Int]] = [:]

    /// Users beyond these do not count: no image has as many, and each is judged.
    private static let userLimit = 1000

    package init(passwd: [String], shadow: [String], group: [String]) {
        for (index, line) in passwd.enumerated() {
            let fields = Self.fields(line)
            guard users.count < Self.userLimit, fields.count >= 7, !fields[0].isEmpty, !fields[0].hasPrefix("#"),
                let id = UInt32(fields[2]),
                let group = UInt32(fields[3]), places[fields[0]] == nil
            else { continue }
            places[fields[0]] = users.count
            users.append(
                User(
                    name: fields[0], password: fields[1], id: id, group: group, home: fields[5], shell: fields[6],
                    line: index + 1))
        }
        for (index, line) in shadow.enumerated() {
            let fields = Self.fields(line)
            guard fields.count > 1, shadows[fields[0]] == nil else { continue }
            shadows[fields[0]] = Shadow(
                hash: fields[1], changed: fields.count > 2 ? Int(fields[2]) : nil,
                lasts: fields.count > 4 ? Int(fields[4]) : nil,
                expires: fields.count > 7 ? Int(fields[7]) : nil, line: index + 1)
        }
        groups = group.compactMap { line in
            let fields = Self.fields(line)
            guard fields.count >= 4, let id = UInt32(fields[2]) else { return nil }
            return Group(name: fields[0], id: id, members: fields[3].split(separator: ",").map(String.init))
        }
        for (index, group) in groups.enumerated() {
            groupsByID[group.id, default: []].append(index)
            for member in group.members where places[member] != nil {
                groupsByMember[member, default: []].append(index)
            }
        }
    }

    private static func fields(_ line: String) -> [String] {
        line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }

    package func user(named name: String) -> User? { places[name].map { users[$0] } }

    /// The names of the groups that a user is in.
    package func groups(of user: User) -> [String] {
        Set((groupsByID[user.group] ?? []) + (groupsByMember[user.name] ?? [])).sorted().map { groups[$0].name }
    }

    /// The hash that a password of the user is checked against; `*` when there is none.
    package func hash(of user: User) -> String {
        user.password == "x" ? shadows[user.name]?.hash ?? "*" : user.password
    }
}

extension Accounts.User {
    /// The shell is one to work with, and none that ends at once.
    package var hasLoginShell: Bool {
        let name = shell.split(separator: "/").last ?? "sh"
        return !["nologin", "false", "sync", "shutdown", "halt"].contains(name)
    }
}
