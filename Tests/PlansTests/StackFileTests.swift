import TestSupport
import Testing

@testable import Plans

/// Stacks, against what `docker stack config` says of them where that has an opinion.
@Suite struct StackFileTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        /// A part of what is said; empty for a stack that is right.
        var problem = ""
        /// Whether docker's client refuses the file, too.
        var isRefusedByClient = false
        var testDescription: String { name }
    }

    private static func service(_ body: String, top: String = "") -> String {
        "version: \"3.8\"\nservices: {web: {image: nginx:1, \(body)}}\n\(top)"
    }

    static let examples: [Example] = [
        .init(name: "the least", text: "version: \"3.8\"\nservices: {web: {image: nginx:1}}\n"),
        .init(
            name: "everything",
            text: """
                version: "3.8"
                x-base: &base {deploy: {replicas: 1}}
                services:
                  web:
                    <<: *base
                    image: nginx:1
                    command: ["echo", "$$HOME ${PORT:-80}"]
                    networks: [proxy, own]
                    secrets: [{source: cf_token, target: t}]
                    volumes: ["data:/data", "/srv:/srv:ro", {type: bind, source: /etc/x, target: /x}, /anonymous]
                    ports: [{target: 80, published: 80, mode: host}]
                networks: {proxy: {external: true}, own: {}}
                secrets: {cf_token: {external: true}}
                volumes: {data: {}}

                """),
        .init(name: "a list", text: "- a\n", problem: "is a mapping with `services`", isRefusedByClient: true),
        .init(name: "no YAML", text: "services: [\n", problem: "not valid YAML", isRefusedByClient: true),
        .init(name: "two documents", text: "version: \"3.8\"\n---\na: 1\n", problem: "a stack is one document"),
        .init(name: "no services", text: "version: \"3.8\"\n", problem: "has no services"),
        .init(name: "no version", text: "services: {web: {image: a}}\n", problem: "has no `version`"),
        .init(
            name: "a version of Compose 2", text: "version: \"2.4\"\nservices: {web: {image: a}}\n",
            problem: "`version` is", isRefusedByClient: true),
        .init(
            name: "a number", text: "version: 3.8\nservices: {web: {image: a}}\n",
            problem: "is a text, and this is a number", isRefusedByClient: true),
        .init(
            name: "a name", text: service("labels: {}", top: "name: x\n"), problem: "no `name` at the top",
            isRefusedByClient: true),
        .init(
            name: "a key of Compose", text: service("mem_limit: 5m"), problem: "no `mem_limit` in a service",
            isRefusedByClient: true),
        .init(
            name: "a slip", text: service("prots: []"), problem: "no `prots` in a service => did you mean `ports`?",
            isRefusedByClient: true),
        .init(
            name: "a slip in deploy", text: service("deploy: {replica: 2}"), problem: "did you mean `replicas`?",
            isRefusedByClient: true),
        .init(name: "no image", text: "version: \"3.8\"\nservices: {web: {build: .}}\n", problem: "has no `image`"),
        .init(
            name: "an undeclared network", text: service("networks: [a]"),
            problem: "uses network `a`, which is not declared"),
        .init(name: "an undeclared secret", text: service("secrets: [a]"), problem: "uses secret `a`"),
        .init(name: "an undeclared volume", text: service("volumes: [\"a:/b\"]"), problem: "uses volume `a`"),
        .init(
            name: "a folder of the person's", text: service("volumes: [\"./a:/b\"]"), problem: "./a is not on the Pi"),
        .init(name: "a home", text: service("volumes: [\"~/a:/b\"]"), problem: "~/a is not on the Pi"),
        .init(
            name: "a network that nobody makes",
            text: service("networks: [a]", top: "networks: {a: {external: true}}\n"),
            problem: "nothing makes network `a`, which the stack `test` expects => swarm: {networks: [a]}"),
        .init(
            name: "a network by another name",
            text: service("networks: [a]", top: "networks: {a: {external: true, name: proxy}}\n")),
        .init(
            name: "a secret that nobody makes", text: service("secrets: [a]", top: "secrets: {a: {external: true}}\n"),
            problem: "nothing makes secret `a`"),
        .init(
            name: "a secret of a file", text: service("secrets: [a]", top: "secrets: {a: {file: ./a}}\n"),
            problem: "./a of secret `a` is not on the controller"),
        .init(
            name: "a file of variables", text: service("env_file: .env"), problem: ".env is not on the controller",
            isRefusedByClient: true),
        .init(name: "a variable", text: service("command: \"echo ${DOMAIN}\""), problem: "nobody sets `DOMAIN`"),
        .init(
            name: "a variable that must be", text: service("command: \"echo ${DOMAIN:?no}\""),
            problem: "there is no default", isRefusedByClient: true),
        .init(
            name: "a dollar", text: service("command: echo $1"), problem: "does not understand a `$`",
            isRefusedByClient: true),
        .init(
            name: "a long name",
            text: "version: \"3.8\"\nservices: {\(String(repeating: "a", count: 60)): {image: a}}\n",
            problem: "more than 63 characters"),
        .init(
            name: "a dot", text: "version: \"3.8\"\nservices: {a.b: {image: a}}\n", problem: "is no name of a service"),
    ]

    private func problems(_ text: String) -> [String] {
        StackFile(
            Array(text.utf8), name: "test", path: "test.yaml", in: .init(networks: ["proxy"], secrets: ["cf_token"])
        ).problems.map(Fixture.line)
    }

    @Test(arguments: examples) func judges(example: Example) {
        let problems = problems(example.text)
        if example.problem.isEmpty {
            #expect(problems == [])
        } else {
            #expect(problems.contains { $0.contains(example.problem) }, "\(problems)")
        }
    }

    @Test(
        "docker's own client has the same opinion",
        arguments: examples.filter { $0.problem.isEmpty || $0.isRefusedByClient })
    func agreesWithTheClient(example: Example) throws {
        try ToolsTrait.require(Shell.find("docker") != nil, of: .machine, "docker's client is not installed")
        let answer = try Shell.run("docker", ["stack", "config", "-c", "-"], input: Array(example.text.utf8))
        #expect((answer.status != 0) == example.isRefusedByClient, "\(answer.error)")
    }

    @Test func mountsOfTheController() {
        let text = """
            version: "3.8"
            services:
              a: {image: a, volumes: ["/srv/a:/a"], deploy: {placement: {constraints: ["node.role == manager"]}}}
              b: {image: b, volumes: ["/srv/b:/b"]}

            """
        let file = StackFile(Array(text.utf8), name: "s", path: "s", in: .init(networks: [], secrets: []))
        #expect(file.pathsOnController.map(\.path) == ["/srv/a"])
    }
}
