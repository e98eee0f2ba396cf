import Foundation
import TestSupport
import Testing

/// A cluster of network namespaces, whose servers run on what lies in built images: laptop, controller, two nodes.
///
/// Only ssh's own word counts: whether it lets somebody in without a question.
@Suite(.serialized, .needs(BaseSpec.tools + ["ip", "unshare", "nsenter", "sshd", "ssh", "ssh-keygen", "python3"]))
struct ClusterNetworkTests {
    private final class Cluster {
        let folder: TemporaryFolder
        let piforge: Piforge
        let name = "pf\(getpid() % 10000)x\(Int.random(in: 100..<1000))"
        private static let script = Repository.path + "/Tests/Fixtures/cluster-net"

        init() throws {
            try ToolsTrait.requireRoot()
            folder = try TemporaryFolder()
            piforge = Piforge(folder: folder.path)
            let made = try Shell.run(Self.script, ["up", name, "p1", "p3"])
            try ToolsTrait.require(made.status == 0, "network namespaces cannot be made here: \(made.error)")
            try Shell.write(
                Array(
                    """
                    version: 1
                    cluster: sg1
                    domain: chappa.ai
                    identity: sg1.secret
                    defaults: {ssh: true, peers: true, password_login: false, authorized_keys_files: [admin.pub]}
                    slots:
                      cnat: {hostname: hammond, address: 192.168.42.10}
                      p1: {hostname: oneil}
                      p3: {hostname: tealc}

                    """.utf8), to: folder.path + "/piforge.yaml")
            let key = try Shell.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder.path + "/admin"])
            try #require(key.status == 0)
        }

        deinit { _ = try? Shell.run(Self.script, ["down", name]) }

        func net(_ command: String, _ arguments: String...) throws -> Piforge.Answer {
            try Shell.run(Self.script, [command, name] + arguments, environment: ["HOME": folder.path])
        }

        /// Runs a command at the laptop.
        func laptop(_ command: String...) throws -> Piforge.Answer {
            try Shell.run(Self.script, ["run", name, "laptop"] + command, environment: ["HOME": folder.path])
        }

        func ssh(_ machine: String, _ command: String = "true") throws -> Piforge.Answer {
            try laptop(
                "ssh", "-F", folder.path + "/sg1-handoff/ssh_config", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
                machine, command)
        }

        func run(_ arguments: String...) throws {
            let answer = try piforge.run(arguments)
            try #require(answer.status == 0, "\(arguments): \(answer.error)")
        }

        /// Builds the slots anew and starts each machine on the files of its image.
        func build(_ slots: [String], from base: String) throws {
            try run("build", "--slot", slots.joined(separator: ","), "--base", base, "--force")
            for slot in slots { try start(slot) }
        }

        func root(_ slot: String) -> String { folder.path + "/root-" + slot }

        /// Starts the server on the files of the slot's image, or on those that lie there since an earlier start.
        func start(_ slot: String, extracting: Bool = true, firstBoot: Bool = false) throws {
            _ = try net("stop", slot)
            if extracting { try extract(slot) }
            if firstBoot { try self.firstBoot(slot) }
            let started = try net("start", slot, root(slot))
            try #require(started.status == 0, "\(started.error)")
        }

        /// What the first boot of all releases does: the usual keys are wiped and made.
        func firstBoot(_ slot: String) throws {
            try #require(try net("first-boot", slot, root(slot)).status == 0)
            let usual = root(slot) + "/etc/ssh/ssh_host_ed25519_key"
            try #require(FileManager.default.fileExists(atPath: usual))
        }

        private func extract(_ slot: String) throws {
            try? FileManager.default.removeItem(atPath: root(slot))
            let card = try Card(folder.path + "/sg1-\(slot).img")
            let etc = root(slot) + "/etc"
            try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
            for request in [
                "rdump /etc/ssh \(etc)", "rdump /home \(root(slot))", "dump -p /etc/passwd \(etc)/passwd",
                "dump -p /etc/shadow \(etc)/shadow", "dump -p /etc/group \(etc)/group",
            ] {
                let copied = try Shell.run("debugfs", ["-R", request, card.rootName])
                try #require(copied.status == 0, "\(copied.error)")
            }
            try FileManager.default.createDirectory(atPath: root(slot) + "/boot", withIntermediateDirectories: true)
            let copied = try Shell.run(
                "mcopy", ["-n", "-i", card.bootName, "::piforge.json", root(slot) + "/boot/piforge.json"])
            try #require(copied.status == 0, "\(copied.error)")
        }

        func expectIn(_ machines: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
            for machine in machines {
                let answer = try ssh(machine, "id -un")
                #expect(answer.status == 0, "\(machine): \(answer.error)", sourceLocation: sourceLocation)
                #expect(answer.output == "pi\n", sourceLocation: sourceLocation)
                #expect(answer.error == "", sourceLocation: sourceLocation)
            }
        }
    }

    private static let names = [
        "hammond", "hammond.chappa.ai", "sg1-cnat", "oneil", "sg1-p1", "tealc", "tealc.chappa.ai", "sg1-p3",
    ]

    @Test("ssh asks nothing: at first, after a first boot, after a rebuild; and nobody else is let pass for a machine")
    func connects() async throws {
        let cluster = try Cluster()
        let base = try await BaseSpec.plain.path()
        try cluster.run("identity", "new")
        try cluster.run("handoff")
        let known = cluster.folder.path + "/sg1-handoff/known_hosts"
        let keys = try Data(contentsOf: URL(fileURLWithPath: known))
        try cluster.build(["cnat", "p1", "p3"], from: base)
        try cluster.expectIn(Self.names)

        // The first boot wipes the usual keys and makes others, which the server must not show.
        for slot in ["cnat", "p1", "p3"] {
            try cluster.start(slot, extracting: false, firstBoot: true)
        }
        try cluster.expectIn(["hammond", "oneil", "tealc"])

        // A lost card: written again, it is the same machine; with a new generation it is another.
        try cluster.build(["p3"], from: base)
        try cluster.expectIn(["tealc"])
        try cluster.run("build", "--slot", "p3", "--base", base, "--force", "--set", "identity_generation=2")
        try cluster.start("p3")
        let renewed = try cluster.ssh("tealc")
        #expect(renewed.status == 255 && renewed.error.contains("Host key for sg1-p3 has changed"), "\(renewed.error)")

        // p1's card in the place of p3's.
        try FileManager.default.removeItem(atPath: cluster.folder.path + "/sg1-p3.img")
        try FileManager.default.copyItem(
            atPath: cluster.folder.path + "/sg1-p1.img", toPath: cluster.folder.path + "/sg1-p3.img")
        try cluster.start("p3")
        let impostor = try cluster.ssh("tealc")
        #expect(impostor.status == 255 && impostor.error.contains("Host key verification failed"), "\(impostor.error)")
        // ssh has taken no key of its own.
        #expect(try Data(contentsOf: URL(fileURLWithPath: known)) == keys)

        try checkStatus(cluster, base: base)
        // Machines know each other: p1 reaches the controller by name, with the key of ssh_known_hosts.
        let inside = try cluster.ssh(
            "oneil", "ssh-keygen -F hammond -f /etc/ssh/ssh_known_hosts && cat /etc/ssh/piforge/*.pub")
        #expect(inside.status == 0 && inside.output.contains("hammond"), "\(inside.error)")
    }

    /// With p1's card in p3's place.
    private func checkStatus(_ cluster: Cluster, base: String) throws {
        struct Document: Decodable {
            struct Machine: Decodable, Equatable {
                var slot: String
                var state: String
                var host_key_matches: Bool?
                var card_matches: Bool?
                var drifted: Bool?
            }
            var machines: [Machine]
        }
        func status() throws -> (status: Int32, machines: [Document.Machine]) {
            let answer = try cluster.laptop(
                "env", "-C", cluster.folder.path, Piforge.program, "status", "--json", "--timeout", "10")
            return (answer.status, try JSONDecoder().decode(Document.self, from: Data(answer.output.utf8)).machines)
        }
        var found = try status()
        #expect(found.status == 1)
        #expect(found.machines.map(\.state) == ["answers", "answers", "wrong_host_key"])
        #expect(found.machines.map(\.host_key_matches) == [true, true, false])
        try cluster.run("build", "--slot", "p3", "--base", base, "--force")
        try cluster.start("p3")
        found = try status()
        #expect(found.status == 0)
        #expect(found.machines.map(\.state) == ["answers", "answers", "answers"])
        #expect(found.machines.map(\.card_matches) == [true, true, true])
        #expect(found.machines.map(\.drifted) == [false, false, false])
        #expect(try cluster.net("stop", "p1").status == 0)
        found = try status()
        #expect(found.status == 1 && found.machines.map(\.state) == ["answers", "unreachable", "answers"])
        try cluster.start("p1", extracting: false)
    }

    @Test("buster's server reads the line at the top of its settings, and the first key is taken without an identity")
    func olderReleasesAndNoIdentity() async throws {
        let cluster = try Cluster()
        try cluster.run("identity", "new")
        try cluster.run("handoff")
        try cluster.build(["cnat", "p1"], from: try await BaseSpec.of("buster", "cnat").path())
        try cluster.expectIn(["hammond", "oneil"])

        let path = cluster.folder.path + "/piforge.yaml"
        let profile = try String(contentsOfFile: path, encoding: .utf8).replacing("identity: sg1.secret\n", with: "")
        try Shell.write(Array(profile.utf8), to: path)
        try cluster.run("handoff", "--force")
        try cluster.run("build", "--slot", "cnat", "--base", try await BaseSpec.plain.path(), "--force")
        try cluster.start("cnat", firstBoot: true)
        #expect(try cluster.ssh("hammond").status == 0)
        // The accepted key counts from then on.
        try cluster.start("cnat", extracting: false, firstBoot: true)
        #expect(try cluster.ssh("hammond").status == 255)
    }

    @Test("Ansible reads the inventory and reaches all machines from another folder") func ansible() async throws {
        let venv = Repository.path + "/.build/ansible/bin"
        let ansible = [venv + "/ansible", "ansible"].first { Shell.find($0) != nil }
        try ToolsTrait.require(ansible != nil, "Ansible is not installed (scripts/setup --ansible)")
        let program = try #require(ansible)
        let cluster = try Cluster()
        try cluster.run("identity", "new")
        try cluster.run("handoff")
        let inventory = cluster.folder.path + "/sg1-handoff/inventory.ini"
        struct Group: Decodable { var hosts: [String]?; var children: [String]? }
        struct Inventory: Decodable {
            struct Meta: Decodable { var hostvars: [String: [String: String]] }
            var _meta: Meta
            var clusterctrl: Group
            var clusterctrl_nodes: Group
            var clusterctrl_server: Group
        }
        let listed = try Shell.run(
            program + "-inventory", ["-i", inventory, "--list"], environment: ["LC_ALL": "C.UTF-8"])
        let list = try JSONDecoder().decode(Inventory.self, from: Data(listed.output.utf8))
        #expect(list.clusterctrl.children == ["clusterctrl_server", "clusterctrl_nodes"])
        #expect(list.clusterctrl_nodes.hosts == ["oneil", "tealc"] && list.clusterctrl_server.hosts == ["hammond"])
        #expect(list._meta.hostvars["tealc"]?["slot"] == "p3")
        #expect(list._meta.hostvars["tealc"]?["address"] == "172.19.181.3")

        try cluster.build(["cnat", "p1", "p3"], from: try await BaseSpec.plain.path())
        let answer = try cluster.laptop(
            "env", "-C", "/", "LC_ALL=C.UTF-8", "ANSIBLE_LOCAL_TEMP=\(cluster.folder.path)", program, "all", "-i",
            inventory, "-m", "ping", "--forks", "3")
        #expect(answer.status == 0, "\(answer.output)\(answer.error)")
        for host in ["hammond", "oneil", "tealc"] { #expect(answer.output.contains("\(host) | SUCCESS")) }
    }
}
