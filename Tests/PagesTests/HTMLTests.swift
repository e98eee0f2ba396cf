import Testing

@testable import Pages

@Suite struct HTMLTests {
    @Test("text is escaped, literals and pieces are not")
    func escaping() {
        let name = "<img src=x onerror=\"a('b')\"> & co"
        let badge: HTML = "<b>\(7)</b>"
        let piece: HTML = "<p title=\"\(name)\">\(name) \(badge)\([badge, badge])\(nil as HTML?)</p>"
        let text = "&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt; &amp; co"
        #expect(piece.markup == "<p title=\"\(text)\">\(text) <b>7</b><b>7</b><b>7</b></p>")
    }

    @Test("what turns text around is written out")
    func controls() {
        let text = "a\u{202E}b\u{1B}[31m\nc"
        let piece: HTML = "\(text)"
        #expect(piece.markup == "a\\u{202E}b\\x1B[31m\nc")
    }
}

@Suite struct SideBySideTests {
    private typealias Line = SideBySide.Line

    @Test("removed and added lines of a hunk stand beside each other")
    func pairs() {
        let rows = SideBySide(unified: [
            "@@ -3,3 +3,4 @@", " one", "-two", "-three", "+2", "+3", "+4", " five", "@@ -20 +21 @@", "-x",
        ]).rows
        #expect(
            rows == [
                .gap, .same(Line(number: 3, text: "one"), Line(number: 3, text: "one")),
                .changed(Line(number: 4, text: "two"), Line(number: 4, text: "2")),
                .changed(Line(number: 5, text: "three"), Line(number: 5, text: "3")),
                .changed(nil, Line(number: 6, text: "4")),
                .same(Line(number: 6, text: "five"), Line(number: 7, text: "five")), .gap,
                .changed(Line(number: 20, text: "x"), nil),
            ])
    }

    @Test("only what differs in a line is marked")
    func marks() {
        let table = SideBySide(unified: ["@@ -1 +1 @@", "-console=tty1 quiet", "+console=ttyS0 quiet"]).table.markup
        #expect(table.contains("console=<mark>tty1 </mark>quiet"))
        #expect(table.contains("console=<mark>ttyS0 </mark>quiet"))
        let other = SideBySide(unified: ["@@ -1 +1 @@", "-abc", "+xyz"]).table.markup
        #expect(!other.contains("<mark>"))
        let new = SideBySide(unified: ["@@ -0,0 +1,2 @@", "+<a>", "+b"]).table.markup
        #expect(new.contains("<th>2</th><td class=\"new\">b</td>") && !new.contains("colspan"))
    }
}

@Suite struct ClusterPageTests {
    private static func page(nodes: Int) -> String {
        var machines = [
            ClusterPage.Machine(
                slot: "cnat", isController: true, hostname: "hammond", names: ["sg1-cnat"], address: "hammond.local",
                link: nil, user: "pi", fingerprint: nil, base: "base.img", plan: "0123")
        ]
        for number in 1...nodes {
            machines.append(
                ClusterPage.Machine(
                    slot: "p\(number)", isController: false, hostname: "node-\(number)", names: [],
                    address: "172.19.181.\(number)", link: "00:22:82:ff:ff:01", user: "pi",
                    fingerprint: "SHA256:abc", base: "base.img", plan: "4567"))
        }
        machines[1].hostname = "<script>alert(1)</script>"
        machines[1].changes = [
            .init(
                action: .create, place: "root:/etc/</td>", reason: "`a` & b", details: [],
                diff: ["@@ -0,0 +1 @@", "+<x>"])
        ]
        return ClusterPage(cluster: "sg1", tool: "piforge 0", machines: machines).html
    }

    @Test("nothing of the machines is markup, and the page asks for nothing else")
    func isClosed() {
        let page = Self.page(nodes: 4)
        #expect(!page.contains("<script"))
        #expect(page.contains("root:/etc/&lt;/td&gt;"))
        #expect(page.contains("&lt;x&gt;"))
        for word in ["src=", "url(", "http:", "https:", "@import", "<link"] { #expect(!page.contains(word)) }
        #expect(ClusterPage.isOwn(String(page.prefix(1024))))
    }

    @Test("every tag is closed by its own", arguments: [1, 4, 5, 252])
    func isBalanced(nodes: Int) {
        var open: [Substring] = []
        let page = Self.page(nodes: nodes)
        for match in page.matches(of: /<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/) {
            let name = match.2
            if ["meta", "br", "col"].contains(name) || !match.3.isEmpty { continue }
            if match.1.isEmpty {
                open.append(name)
            } else {
                #expect(open.popLast() == name)
            }
        }
        #expect(open.isEmpty)
        #expect(page.matches(of: /class="board"/).count == (nodes + 3) / 4)
        #expect(page.matches(of: /<div class="label">/).count == nodes + 1)
    }
}
