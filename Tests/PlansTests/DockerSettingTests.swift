import Readers
import TestSupport
import Testing
import Trees

@testable import Plans

/// `docker`, from the profile to the image.
@Suite struct DockerSettingTests {
    private func image(
        _ release: PlannerFixture.Release = .bookworm, kind: PlannerFixture.Kind = .cbridge
    ) throws -> PlannerFixture {
        let image = try PlannerFixture(release, kind)
        try DockerFixture.addEngine(to: image)
        return image
    }

    private func settings(_ slot: Slot, _ body: String) throws -> Settings {
        try Fixture.load("defaults:\n  docker: \(body)\nslots: {cnat: {}, cbridge: {}, p1: {}, p3: {}}\n")
            .settings(for: slot)
    }

    private func daemon(_ image: PlannerFixture) throws -> JSONValue {
        let text = try #require(try image.text("/etc/docker/daemon.json"))
        return try #require(JSONValue(Array(text.utf8)))
    }

    @Test(arguments: ["{}", "true"], PlannerFixture.Release.allCases)
    func aWordIsEnough(body: String, release: PlannerFixture.Release) throws {
        let image = try image(release)
        let settings = try settings(.node(3), body)
        let plan = try image.build(.node(3), settings)
        let file = try daemon(image)
        #expect(file["log-driver"] == .text("local"))
        #expect(file["labels"]?.items == [.text("piforge.slot=p3")])
        #expect(file["default-address-pools"]?.items.first?["base"] == .text("172.30.0.0/16"))
        #expect(try image.text("boot:/cmdline.txt")?.contains("cgroup_enable=memory") == true)
        #expect(try image.text("/etc/group")?.contains("docker:x:") == true)
        #expect(try image.text("/etc/group")?.contains(":pi\n") == true)
        let wants = "/etc/systemd/system/multi-user.target.wants"
        for unit in ["docker", "containerd"] { #expect(try image.node("\(wants)/\(unit).service")?.kind == .symlink) }
        #expect(try image.node("/etc/systemd/system/sockets.target.wants/docker.socket")?.kind == .symlink)
        #expect(try image.node("/etc/sysctl.d/90-piforge.conf") == nil)
        let reasons = plan.edits.first { $0.target.path == "/etc/docker/daemon.json" }?.reason
        #expect(reasons == "docker: the engine's settings")
        #expect(try image.plan(.node(3), settings).changes(boot: image.boot, root: image.root) == [])
    }

    @Test func whatTheBaseSaysStays() throws {
        let image = try image()
        try image.write(
            #"{"log-driver": "journald", "labels": ["site=lab", "piforge.slot=p9"], "mtu": 1400, "debug": false}"#,
            "/etc/docker/daemon.json")
        try image.build(
            .node(3),
            try settings(.node(3), "{labels: {board: zero}, daemon: {debug: true, dns: [9.9.9.9], ulimits: {n: 5}}}"))
        let file = try daemon(image)
        #expect(file["log-driver"] == .text("journald"))
        #expect(file["mtu"] == .number("1400"))
        #expect(file["debug"] == .boolean(true))
        #expect(file["dns"]?.items == [.text("9.9.9.9")])
        #expect(file["ulimits"]?["n"] == .number("5"))
        #expect(file["labels"]?.items == [.text("site=lab"), .text("piforge.slot=p3"), .text("board=zero")])
    }

    @Test func aBridgeForwardsBeforeDockerHasTo() throws {
        let image = try image()
        try image.build(.cbridge, try settings(.cbridge, "{}"))
        #expect(try image.text("/etc/sysctl.d/90-piforge.conf") == "net.ipv4.ip_forward=1\n")
        let other = try self.image()
        try other.build(.cnat, try settings(.cnat, "{}"))
        #expect(try other.node("/etc/sysctl.d/90-piforge.conf") == nil)
    }

    @Test func anotherPoolThanTheMachinesOwnNetwork() throws {
        let image = try image(.bullseye)
        var settings = try settings(.cbridge, "{}")
        settings.addressing.address = .init("172.30.5.6/24")
        try image.build(.cbridge, settings)
        #expect(try daemon(image)["default-address-pools"]?.items.first?["base"] == .text("172.29.0.0/16"))
    }

    @Test func dataOnAFileSystemOfItsOwn() throws {
        let image = try image()
        let settings = try settings(.node(3), "{data: 8G}")
        try image.build(.node(3), settings)
        let unit = try #require(try image.text("/etc/systemd/system/piforge-docker-data.service"))
        #expect(unit.contains("docker-data start 8G\n"))
        #expect(try image.node("/usr/local/lib/piforge/docker-data")?.metadata.mode == 0o755)
        #expect(
            try image.node("/etc/systemd/system/docker.service.requires/piforge-docker-data.service")?.kind == .symlink)
        #expect(try image.plan(.node(3), settings).changes(boot: image.boot, root: image.root) == [])
    }

    // MARK: Refusals

    private func refusal(_ image: PlannerFixture, _ slot: Slot, _ body: String, medium: Planner.Medium = .card) throws
        -> String
    {
        let settings = try settings(slot, body)
        do {
            _ = try image.plan(slot, settings, medium: medium)
            return ""
        } catch {
            return error.message + (error.hint.map { " => \($0)" } ?? "")
        }
    }

    @Test func withoutAnEngine() throws {
        let image = try PlannerFixture(.bookworm)
        try image.write("root:x:0:\npi:x:1000:\n", "/etc/group")
        #expect(
            try refusal(image, .node(3), "{}")
                == "could not set Docker up: the image has no dockerd, and no package of the profile brings one"
                + " => debs: [FOLDER] with docker.io and what it needs; packages: [docker.io]; or a base that has it")
        var settings = try settings(.node(3), "{}")
        settings.packages = ["docker.io=20.10.24+dfsg1-1"]
        _ = try image.plan(.node(3), settings)
    }

    @Test func whatDockerWouldNotStartWith() throws {
        let image = try image()
        #expect(
            try refusal(image, .node(3), "{daemon: {default-address-pools: [{base: 172.16.0.0/12, size: 24}]}}")
                .contains(
                    "`default-address-pools` 172.16.0.0/12 of /etc/docker/daemon.json contradicts the cluster's own"))
        #expect(try refusal(image, .node(3), "{daemon: {bip: 172.19.0.1/24}}").contains("`bip` 172.19.0.0/24"))
        #expect(
            try refusal(image, .node(3), "{data: 8G, daemon: {data-root: /srv}}").contains("docker.daemon.data-root"))
        try image.write("{\"labels\": [", "/etc/docker/daemon.json")
        #expect(try refusal(image, .node(3), "{}").contains("is no object of JSON"))
    }

    @Test func aRootOverNFSNeedsData() throws {
        let image = try image()
        #expect(
            try refusal(image, .node(3), "{}", medium: .netboot).contains(
                "overlay2 does not work there => docker: {data"))
        #expect(try refusal(image, .node(3), "{data: 8G}", medium: .netboot) == "")
    }

    @Test(arguments: [
        ("{labels: {piforge.slot: p4}}", "the label `piforge.slot` is set by piforge itself"),
        ("{labels: {com.docker.x: y}}", "labels that begin with `com.docker.` are Docker's own"),
        ("{labels: {\"a b\": y}}", "a b"), ("{data: 8}", "\"8\" is no size with M or G after it"),
        ("{data: 100M}", "the size 100M is not from 512M to 1024G"),
        ("{daemon: 7}", "`daemon` takes a mapping, not `7`"),
        ("{daemon: {labels: [a=b]}}", "`labels` of daemon.json is made of `docker.labels`"),
        ("{daemon: {hosts: [tcp://0.0.0.0]}}", "`hosts` of daemon.json contradicts the `-H`"),
        ("{deamon: {}}", "unknown key `deamon` in `docker`"), ("yes", "`docker` takes true or false, not `yes`"),
        ("{}\n  cgroups: false", "`cgroups: false` contradicts `docker`"),
    ])
    func profile(body: String, problem: String) {
        let text = Fixture.text("defaults:\n  docker: \(body)\nslots: {p1: {}}\n")
        let problems = Fixture.problems(text)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(problem) == true, "\(problems)")
    }

    @Test func aSlotMaySayNo() throws {
        let profile = try Fixture.load(
            "defaults: {docker: {labels: {board: zero}}}\nslots: {cnat: {docker: false}, p1: {docker: {labels: {board: w2}}}}\n"
        )
        #expect(try profile.settings(for: .cnat).docker == nil)
        #expect(try profile.settings(for: .cnat).groups == [])
        #expect(try profile.settings(for: .node(1)).docker?.labels == [.init(name: "board", value: "w2")])
    }
}

/// What Debian's packages of Docker bring, as far as a plan looks.
enum DockerFixture {
    static func addEngine(to image: PlannerFixture) throws {
        for path in ["/usr/sbin/dockerd", "/usr/bin/docker", "/usr/sbin/mkfs.ext4", "/usr/bin/ssh"] {
            try image.write("", path)
        }
        try image.write("root:x:0:\npi:x:1000:\n", "/etc/group")
        try image.write(
            "[Service]\nExecStart=/usr/sbin/dockerd -H fd://\n[Install]\nWantedBy=multi-user.target\n",
            "/lib/systemd/system/docker.service")
        try image.write("[Install]\nWantedBy=sockets.target\n", "/lib/systemd/system/docker.socket")
        try image.write("[Install]\nWantedBy=multi-user.target\n", "/lib/systemd/system/containerd.service")
    }
}
