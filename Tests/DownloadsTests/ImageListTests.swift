import Blocks
import Testing

@testable import Downloads

struct ImageListTests {
    private static let digest = String(repeating: "ab", count: 32)

    /// As Imager's own list is laid out.
    private static let text = """
        {"imager": {"latest_version": "2.0.0"},
         "os_list": [
          {"name": "System 64", "description": "d", "url": "https://example.org/64.img.xz", "extract_size": 100,
           "extract_sha256": "\(digest)", "image_download_size": 10, "image_download_sha256": "\(digest)",
           "devices": ["pi5-64bit"]},
          {"name": "Others", "subitems": [
            {"name": "Lite", "url": "https://example.org/lite.img.xz", "extract_size": 0, "image_download_size": 5},
            {"name": "Deeper", "subitems": [
              {"name": "Old", "url": "https://example.org/old.zip", "extract_sha256": "\(digest)"},
              {"name": "System 64", "url": "https://example.org/64.img.xz"}]}]},
          {"name": "More", "subitems": [{"name": "Lite", "url": "https://example.org/more-lite.img.xz"}]},
          {"name": "Elsewhere", "subitems_url": "https://example.org/others.json"},
          {"name": "Erase", "description": "no address"}]}
        """

    private let list: ImageList

    init() throws { list = try ImageList(json: Array(Self.text.utf8)) }

    @Test("images are found at any depth, with what vouches for them")
    func found() throws {
        let image = try list.image(named: "System 64")
        #expect(image.url == "https://example.org/64.img.xz")
        #expect(image.byteCount == 10 && image.imageByteCount == 100)
        #expect(image.sha256?.description == Self.digest && image.imageSHA256?.description == Self.digest)
        let old = try list.image(named: "Old")
        #expect(old.path == "Others / Deeper / Old")
        #expect(old.sha256 == nil && old.imageSHA256 != nil)
        #expect(try list.image(named: "Others / Lite").imageByteCount == nil)
        #expect(list.images.count == 5)
    }

    @Test("a name that several have needs its menu; one that nobody has is told with what there is")
    func refused() {
        let several = #expect(throws: ImageList.Problem.self) { try list.image(named: "Lite") }
        #expect(several?.message == "it has 2 images \"Lite\"")
        #expect(several?.hint == "name the menu, too: \"Others / Lite\" or \"More / Lite\"")
        let none = #expect(throws: ImageList.Problem.self) { try list.image(named: "system") }
        #expect(none?.message == "it has no image \"system\"")
        #expect(none?.hint?.contains("\"System 64\"") == true)
        #expect(none?.hint?.hasSuffix("further ones are in https://example.org/others.json") == true)
    }

    @Test(
        "what is no list is refused for its reason",
        arguments: [
            ("", "it is no JSON"), ("{", "it is no JSON"), ("{}", "it has no os_list"),
            ("{\"os_list\": [{\"url\": \"x\"}]}", "has no name"),
            ("{\"os_list\": {}}", "another type"),
            ("{\"os_list\": [{\"name\": \"x\", \"url\": \"u\", \"extract_size\": \"big\"}]}", "another type"),
            ("{\"os_list\": [{\"name\": \"x\", \"url\": \"u\", \"extract_size\": -1}]}", "extract_size of \"x\" is -1"),
            ("{\"os_list\": [{\"name\": \"x\", \"url\": \"u\", \"extract_sha256\": \"12\"}]}", "is no SHA-256"),
        ])
    func damaged(text: String, reason: String) {
        let error = #expect(throws: ImageList.Problem.self) { try ImageList(json: Array(text.utf8)) }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("a list as deep as it can be is refused or read, and ends nothing")
    func deep() {
        let depth = 20_000
        let text =
            String(repeating: "{\"name\": \"a\", \"subitems\": [", count: depth) + String(repeating: "]}", count: depth)
        #expect(throws: ImageList.Problem.self) { try ImageList(json: Array("{\"os_list\": [\(text)]}".utf8)) }
    }
}
