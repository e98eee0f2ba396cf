import Glibc

/// What runs the programs of an image whose processor is not this machine's.
package struct Emulator: Equatable, Sendable {
    /// A static program, such as `/usr/bin/qemu-arm-static`.
    package var path: String
    /// The processor it is to be, as its `-cpu` has it.
    package var processor: String
    /// The line that makes the kernel call it, as /dev/emulator, for programs of the image; see binfmt_misc in the
    /// kernel's admin-guide.
    var registration: String

    /// Kinds of ELF files (elf.h).
    private static let arm: UInt8 = 40
    private static let arm64: UInt8 = 183

    /// How the programs of a Zero's image begin.
    package static let armHeader: [UInt8] =
        [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, arm, 0]

    /// For images whose programs are like the one that begins with `header`; nil for those that this machine runs itself.
    ///
    /// 32-bit ARM is always emulated, as a Zero's ARM1176: another ARM would let things pass that a Zero cannot do.
    package init?(forProgram header: [UInt8]) throws(MountError) {
        guard header.count >= 20, header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw .unavailable("the image's /usr/bin/env is no program that is known")
        }
        let name: String
        switch (header[4], header[18]) {
        case (1, Self.arm): (name, processor) = ("arm", "arm1176")
        case (2, Self.arm64):
            #if arch(arm64)
                return nil
            #else
                (name, processor) = ("aarch64", "cortex-a53")
            #endif
        default: return nil
        }
        let folders = ["/usr/bin", "/usr/local/bin"]
        let candidates = folders.map { "\($0)/qemu-\(name)-static" }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw .unavailable("there is no qemu-\(name)-static (apt install qemu-user-static)")
        }
        self.path = path
        let (kind, machine) = (header[4], header[18])
        let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, kind, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, machine, 0]
        // Any ABI, and programs that may lie anywhere (type 3) as well as those that may not.
        var mask = [UInt8](repeating: 0xFF, count: 20)
        (mask[7], mask[16]) = (0, 0xFE)
        registration = ":image:M::\(Self.escaped(magic)):\(Self.escaped(mask)):/dev/emulator:F"
    }

    /// Throws what keeps emulators from being used here.
    package static func check() throws(MountError) {
        var names = utsname()
        guard uname(&names) == 0 else { throw MountError("ask", "the kernel") }
        let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = release.split { !("0"..."9").contains($0) }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) >= (6, 7) else {
            throw .unavailable(
                "Linux \(release) cannot keep emulators to itself: it takes Linux 6.7 (a binfmt_misc for each user namespace)"
            )
        }
        guard access("/proc/sys/fs/binfmt_misc", F_OK) == 0 else {
            throw .unavailable("this kernel has no binfmt_misc (modprobe binfmt_misc)")
        }
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return "\\x" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
