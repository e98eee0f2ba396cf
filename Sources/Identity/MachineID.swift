/// The id of an installed system, as /etc/machine-id holds it (machine-id(5)): 128 bits in the form of a random UUID.
package struct MachineID: Equatable, Sendable, CustomStringConvertible {
    /// 32 lower-case hexadecimal digits.
    package let description: String

    /// `randomBytes` are 16; the bits that tell a version 4 UUID of RFC 9562 are set.
    init(randomBytes: [UInt8]) {
        var bytes = randomBytes
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        description = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// The text of /etc/machine-id.
    package var fileText: String { description + "\n" }
}
