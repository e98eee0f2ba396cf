import Foundation
import Readers
import Testing

/// JSON against the reader of Foundation.
struct JSONValueTests {
    @Test(arguments: [
        #"{"a": [1, -0.5e3, true, null, "x\n\"\u00e9\ud83d\ude00"], "b": {}}"#, "[]", "0", "\"\"", " { } ",
        #"{"labels": ["piforge.slot=p1"], "log-driver": "local"}"#,
    ])
    func readsWhatFoundationReads(text: String) throws {
        let value = try #require(JSONValue(Array(text.utf8)))
        let own = try JSONSerialization.jsonObject(with: Data(value.printed.utf8), options: .fragmentsAllowed)
        let other = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        #expect(own as? NSObject == other as? NSObject)
        #expect(JSONValue(Array(value.printed.utf8)) == value)
        #expect(JSONValue(Array(value.summary.utf8)) == value)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{a: 1}", "01", "1.", ".5", "+1", "1e", "\"\\x\"", "\"a", "tru", "[] []",
        "\"\u{1}\"",
        "{\"a\" 1}", String(repeating: "[", count: 10_000),
    ])
    func refusesWhatIsNone(text: String) { #expect(JSONValue(Array(text.utf8)) == nil) }

    @Test func theLastOfTwoMembersCounts() {
        #expect(JSONValue(Array(#"{"a": 1, "a": 2}"#.utf8))?["a"] == .number("2"))
    }

    @Test func optionsOfTheEngine() {
        func line(_ text: String) -> EngineCommandLine.Line { .init(text, at: .init(path: "u", line: 1)) }
        let options = EngineCommandLine(
            unit: [
                line("[Service]"), line("ExecStart=/usr/bin/old --debug"), line("ExecStart="),
                line("ExecStart=/usr/sbin/dockerd -H fd:// --label a=b --log-driver=journald $DOCKER_OPTS"),
            ],
            defaults: [
                line("#DOCKER_OPTS=\"--dns 8.8.8.8\""), line("DOCKER_OPTS=\"-g /srv/docker\""), line("OTHER=--debug"),
            ])
        #expect(options.members.keys.sorted() == ["data-root", "hosts", "labels", "log-driver"])
    }
}
