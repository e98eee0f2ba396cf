import Tables
import Testing

struct GUIDTests {
    @Test("text and on-disk order go both ways")
    func text() throws {
        let guid = try #require(GUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"))
        #expect(guid.description == "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
        #expect(guid.bytes.prefix(4) == [0x28, 0x73, 0x2A, 0xC1])
        #expect(GUID(bytes: guid.bytes) == guid)
        #expect(Partition.Kind.efiSystem == .gpt(guid))
        #expect(Partition.Kind.basicData.description == "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")
        #expect(Partition.Kind.linuxData.description == "0fc63daf-8483-4772-8e79-3d69d8477de4")
        #expect(Partition.Kind.linuxRoots.count == 2)
    }

    @Test(
        "anything else is no GUID",
        arguments: [
            "", "c12a7328f81f11d2ba4b00a0c93ec93b", "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "+12a7328-f81f-11d2-ba4b-00a0c93ec93b",
            "g12a7328-f81f-11d2-ba4b-00a0c93ec93b", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b-",
        ])
    func malformed(text: String) {
        #expect(GUID(text) == nil)
    }
}
