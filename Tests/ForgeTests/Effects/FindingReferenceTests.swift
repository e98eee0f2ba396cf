import Foundation
import Inspect
import TestSupport
import Testing

struct FindingReferenceTests {
    @Test func everyFindingIsInOneChapter() {
        let listed = FindingID.chapters.flatMap { $0.findings.map(\.id) }
        #expect(listed.count == Set(listed).count)
        #expect(Set(listed) == Set(FindingID.allCases))
        for id in FindingID.allCases {
            #expect(id.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
        }
    }

    @Test("the findings in docs/effect.md are what the table says") func reference() throws {
        let path = Repository.path + "/docs/effect.md"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let head = try #require(text.range(of: "<!-- findings, from FindingID+Chapters.swift -->"))
        let tail = try #require(text.range(of: "<!-- end of findings -->"))
        var table = ""
        for (title, findings) in FindingID.chapters {
            table += "\n### \(title)\n\n| finding | | what it is about |\n|---|---|---|\n"
            for (id, what) in findings {
                table += "| `\(id.rawValue)` | \(id.refusesBuild ? "×" : "") | \(what) |\n"
            }
        }
        try GoldenFile.expect(text[..<head.upperBound] + "\n" + table + "\n" + text[tail.lowerBound...], in: path)
    }
}
