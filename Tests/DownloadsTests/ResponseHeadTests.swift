import Testing

@testable import Downloads

struct ResponseHeadTests {
    private func head(_ lines: String...) -> ResponseHead {
        var head = ResponseHead()
        for line in lines + [""] { head.take((line + "\r\n").utf8) }
        return head
    }

    @Test("the fields that matter are found, whatever the case of their names")
    func fields() {
        let found = head(
            "HTTP/1.1 206 Partial Content", "content-LENGTH: 100", "ETag:  \"abc\" ",
            "Last-Modified: Sat, 01 Nov 2025 10:00:00 GMT", "Content-Range: bytes 100-199/200", "X: y")
        #expect(found.status == 206)
        #expect(found.contentLength == 100)
        #expect(found.validator == "\"abc\"")
        #expect(found.contentRange?.range == 100..<200)
        #expect(found.contentRange?.total == 200)
        #expect(found.isComplete && !found.isInterim)
        #expect(head("HTTP/2 304").status == 304)
    }

    @Test("a weak ETag cannot stand in If-Range, a date can")
    func validator() {
        let date = "Sat, 01 Nov 2025 10:00:00 GMT"
        #expect(head("HTTP/1.1 200 OK", "ETag: W/\"a\"", "Last-Modified: \(date)").validator == date)
        #expect(head("HTTP/1.1 200 OK", "ETag: W/\"a\"").validator == nil)
        #expect(head("HTTP/1.1 200 OK", "ETag: W/\"a\"").etag == "W/\"a\"")
    }

    @Test("values that no request may repeat, and numbers that are none, count for nothing")
    func nonsense() {
        let found = head(
            "HTTP/1.1 200 OK", "ETag: \"a\u{1B}[2J\"", "Content-Length: -5", "Content-Range: bytes 9-3/20", "no field")
        #expect(found.etag == nil && found.contentLength == nil && found.contentRange == nil)
        #expect(head("HTTP/1.1 200", "Content-Length: 99999999999999999999").contentLength == nil)
        #expect(head("HTTP/1.1 200", "ETag: \"\(String(repeating: "x", count: 600))\"").etag == nil)
        #expect(head("HTTP/1.1 two").status == 0)
    }

    @Test("a redirection and an interim response are followed by another")
    func interim() {
        #expect(head("HTTP/1.1 302 Found", "Location: /x").isInterim)
        #expect(head("HTTP/1.1 100 Continue").isInterim)
        #expect(!head("HTTP/1.1 302 Found").isInterim)
        #expect(!head("HTTP/1.1 302 Found", "Location: /x", "", "HTTP/1.1 200 OK").isInterim)
    }

    @Test(
        "what a Content-Range may be",
        arguments: [
            ("bytes 0-0/1", 0..<1, 1), ("bytes 5-9/*", 5..<10, nil), ("BYTES */7", nil, 7), ("bytes */*", nil, nil),
        ] as [(String, Range<Int64>?, Int64?)])
    func contentRange(text: String, range: Range<Int64>?, total: Int64?) throws {
        let found = try #require(ContentRange(text))
        #expect(found.range == range)
        #expect(found.total == total)
    }

    @Test(
        "what it may not be",
        arguments: [
            "", "bytes", "bytes 0-9", "items 0-9/10", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-5/10", "bytes 0-9/x",
            "bytes 0-9223372036854775807/9223372036854775807", "bytes 0-9/10/11", "bytes a-b/c",
        ])
    func noContentRange(text: String) { #expect(ContentRange(text) == nil) }

    @Test("a file is called as the end of its address, unless no file can be")
    func names() {
        #expect(Download.name(of: "https://example.org/a/b%20c.img.xz?raw=1#x") == "b c.img.xz")
        #expect(Download.name(of: "https://example.org") == "download")
        #expect(Download.name(of: "https://example.org/") == "download")
        #expect(Download.name(of: "https://example.org/a/..") == "download")
        #expect(Download.name(of: "https://example.org/a%2Fb") == "download")
        #expect(Download.name(of: "https://example.org/a%0Ab") == "download")
        #expect(Download.name(of: "https://example.org/50%") == "50%")
    }
}
