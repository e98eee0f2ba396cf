import Foundation
import TestSupport
import Testing

/// What the program and the docs say of each other.
struct DocumentationTests {
    /// The definitions of all commands, as the program prints them.
    private struct Dump: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String
            }
            var names: [Name]?
        }
        struct Command: Decodable {
            var commandName: String
            var arguments: [Argument]?
            var defaultSubcommand: String?
            var subcommands: [Command]?
        }
        var command: Command
    }

    private let root: Dump.Command

    init() throws {
        let dumped = try Shell.run(Piforge.program, ["--experimental-dump-help"]).output
        root = try JSONDecoder().decode(Dump.self, from: Data(dumped.utf8)).command
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: Repository.path + "/" + path, encoding: .utf8)
    }

    private static let topics = ["profile", "bases", "cards", "netboot", "handoff", "ci", "exit-codes"]

    /// What is wrong with a command line; nil when all its commands and options exist.
    private func problem(of line: String) -> String? {
        var words = line.split(separator: " ").map(String.init)
        words.removeFirst()
        var command = root
        var options: Set<String> = ["--help", "--version"]
        func add() {
            for argument in command.arguments ?? [] {
                for name in argument.names ?? [] { options.insert((name.kind == "short" ? "-" : "--") + name.name) }
            }
        }
        add()
        var isCommand = true
        for word in words {
            if word == "#" || word == "|" || word == ">" || word == "\\" { break }
            if isCommand, let next = command.subcommands?.first(where: { $0.commandName == word }) {
                command = next
                add()
                continue
            }
            if isCommand, command.commandName == root.commandName, word != "help", !word.hasPrefix("-") {
                return "no command \(word)"
            }
            isCommand = false
            if command.commandName == root.commandName { return nil }
            guard word.hasPrefix("--") else { continue }
            if let next = command.subcommands?.first(where: { $0.commandName == command.defaultSubcommand }) {
                for argument in next.arguments ?? [] {
                    for name in argument.names ?? [] { options.insert("--" + name.name) }
                }
            }
            let name = String(word.prefix { $0 != "=" }).trimmingCharacters(
                in: .punctuationCharacters.subtracting(["-"]))
            if !options.contains(name) { return "no option \(name)" }
        }
        return nil
    }

    @Test(
        "each topic of piforge help stands in its page, fits into 80 columns, and its commands exist", arguments: topics
    )
    func topic(_ name: String) throws {
        let answer = try Shell.run(Piforge.program, ["help", name])
        #expect(answer.status == 0)
        let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let end = try #require(lines.last { $0.hasPrefix("More: docs/") })
        let body = lines.prefix { $0 != end }.joined(separator: "\n").trimmingCharacters(in: .newlines)
        let page = String(end.dropFirst("More: ".count))
        #expect(try text(page).contains("```text\n\(body)\n```\n"), "\(page) has another text")
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(try text("docs/README.md").contains("`\(name)`") || name == "profile")
        for line in lines where line.hasPrefix("  piforge ") {
            #expect(problem(of: String(line.dropFirst(2))) == nil, "\(line)")
        }
    }

    @Test("every command and option of the docs' examples exists")
    func examples() throws {
        let pages = try FileManager.default.contentsOfDirectory(atPath: Repository.path + "/docs").filter {
            $0.hasSuffix(".md")
        }
        var count = 0
        for page in ["README.md"] + pages.map({ "docs/" + $0 }) {
            let text = try text(page)
            var isCode = false
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("```") { isCode.toggle() }
                var commands = line.matches(of: /`(?:sudo )?(piforge [a-z][^`]*)`/).map { String($0.1) }
                if isCode, let found = line.firstMatch(of: /^ *(?:\$ |# )?(?:sudo )?(piforge [a-z].*)/) {
                    commands.append(String(found.1))
                }
                for command in commands {
                    count += 1
                    #expect(problem(of: command) == nil, "\(page): \(command)")
                }
            }
        }
        #expect(count > 100)
    }

    @Test("troubleshooting has what to type for each of many symptoms") func troubleshooting() throws {
        let rows = try text("docs/troubleshooting.md").split(separator: "\n").filter {
            $0.hasPrefix("| ") && !$0.hasPrefix("| symptom")
        }
        #expect(rows.count >= 20)
        for row in rows { #expect(row.split(separator: "|").count >= 3, "\(row)") }
    }

    @Test("the index names every page, and every link of a page leads somewhere") func links() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Repository.path + "/docs").filter {
            $0.hasSuffix(".md")
        }
        let index = try text("docs/README.md")
        for name in names where name != "README.md" { #expect(index.contains("](\(name))"), "\(name)") }
        for page in ["README.md"] + names.map({ "docs/" + $0 }) {
            let folder = page.hasPrefix("docs/") ? "/docs/" : "/"
            for link in try text(page).matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
                let target = Repository.path + folder + link.1
                #expect(FileManager.default.fileExists(atPath: target), "\(page): \(link.1)")
            }
        }
    }

    @Test("the picture is an image that others read", .needs("python3")) func picture() throws {
        let parsed = try Shell.run(
            "python3",
            [
                "-c", "import sys, xml.dom.minidom as m; print(m.parse(sys.argv[1]).documentElement.tagName)",
                Repository.path + "/docs/cluster.svg",
            ])
        #expect(parsed.status == 0 && parsed.output == "svg\n", "\(parsed.error)")
    }
}
