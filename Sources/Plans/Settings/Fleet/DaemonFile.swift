import Readers

/// /etc/docker/daemon.json: what the base has, what a cluster needs, and what the profile says (dockerd(8)).
struct DaemonFile {
    /// Networks that Docker must not take for its own: they are the cluster's.
    static let clusterNetworks = ["172.19.0.0/16"].compactMap { IPv4Network($0) }
    /// Where its bridges get their networks from, unless one of them is somebody else's.
    private static let pools = ["172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16", "172.27.0.0/16", "172.26.0.0/16"]
        .compactMap { IPv4Network($0) }
    private static let poolsKey = "default-address-pools"

    var members: [JSONValue.Member]

    /// The file's text, which is the base's where that says all of it already.
    var text: String { JSONValue.object(members).printed + "\n" }

    /// Nil when the base's file is no object of JSON, with which dockerd does not start.
    init?(base: [UInt8]?) {
        guard let base else {
            members = []
            return
        }
        guard case .object(let members)? = JSONValue(base) else { return nil }
        self.members = members
    }

    /// The value of a member, the last one where a name is there twice.
    subscript(name: String) -> JSONValue? {
        get { members.last { $0.name == name }?.value }
        set {
            guard let newValue else { return members.removeAll { $0.name == name } }
            guard let index = members.lastIndex(where: { $0.name == name }) else {
                return members.append(.init(name, newValue))
            }
            members[index].value = newValue
        }
    }

    /// What the base says of these stays; labels are joined, by their names.
    mutating func complete(labels: [Settings.Docker.Label], avoiding networks: [IPv4Network]) {
        if self["log-driver"] == nil, self["log-opts"] == nil { self["log-driver"] = .text("local") }
        if self[Self.poolsKey] == nil {
            let taken = networks + Self.clusterNetworks
            let pool = Self.pools.first { pool in !taken.contains { $0.overlaps(pool) } } ?? Self.pools[0]
            self[Self.poolsKey] = .list([
                .object([.init("base", .text(pool.description)), .init("size", .number("24"))])
            ])
        }
        var texts = (self["labels"]?.items ?? []).compactMap(\.text)
        for label in labels {
            texts.removeAll { $0.prefix { $0 != "=" } == label.name }
            texts.append("\(label.name)=\(label.value)")
        }
        self["labels"] = .list(texts.map { .text($0) })
    }

    /// The networks that the file gives Docker, with the member that says so.
    var networks: [(member: String, network: IPv4Network)] {
        let pools = (self[Self.poolsKey]?.items ?? []).compactMap { $0["base"]?.text }.compactMap {
            IPv4Network(around: $0)
        }
        let others = ["bip", "fixed-cidr"].compactMap { name in
            self[name]?.text.flatMap { IPv4Network(around: $0) }.map { (name, $0) }
        }
        return pools.map { (Self.poolsKey, $0) } + others
    }

    /// Why a member is not for the profile to say; nil when it is.
    static func refusal(of name: String) -> Refusal? {
        switch name {
        case "labels": Refusal("`labels` of daemon.json is made of `docker.labels`", hint: "docker: {labels: {…}}")
        case "hosts":
            Refusal(
                "`hosts` of daemon.json contradicts the `-H` that docker.service starts dockerd with, which then ends",
                hint: "reach the engine over ssh: docker -H ssh://pi@hammond")
        default: nil
        }
    }
}
