import TestSupport
import Testing
import Trees

@testable import Volumes

struct FATTimeTests {
    @Test(
        "moments become dates",
        arguments: [
            (Int64(315_532_800), UInt16(0x0021), UInt16(0)),  // 1980-01-01 00:00:00
            (951_868_798, 0x285D, 0xBF7D),  // 2000-02-29 23:59:58
            (951_868_800, 0x2861, 0),  // 2000-03-01
            (1_700_000_000, 0x576E, 0xB1AA),  // 2023-11-14 22:13:20
            (4_354_819_198, 0xFF9F, 0xBF7D),  // 2107-12-31 23:59:58
        ])
    func known(seconds: Int64, date: UInt16, time: UInt16) {
        #expect(DirectoryTime(seconds: seconds) == DirectoryTime(date: date, time: time))
        #expect(DirectoryTime(date: date, time: time).seconds == seconds)
        #expect(DirectoryTime(seconds: seconds + 1) == DirectoryTime(date: date, time: time))
    }

    @Test("the range ends at 1980 and 2107", arguments: [Int64.min, -1, 0, 315_532_799])
    func early(seconds: Int64) {
        #expect(DirectoryTime(seconds: seconds).seconds == 315_532_800)
        #expect(DirectoryTime(seconds: Int64.max + (seconds < 0 ? 0 : -seconds)).seconds == 4_354_819_198)
    }

    @Test("every day of the range comes back")
    func days() {
        let day: Int64 = 86400
        for number in stride(from: Int64(3652), through: 50402, by: 1) {
            let seconds = number * day + number % day / 2 * 2
            #expect(DirectoryTime(seconds: seconds).seconds == seconds)
        }
    }

    @Test("every bit pattern is some moment of the range")
    func anyBits() {
        for pattern in UInt16.min...UInt16.max {
            let moment = DirectoryTime(date: pattern, time: ~pattern).seconds
            #expect((315_532_800...4_354_819_198).contains(moment))
        }
    }

    @Test("mtools shows the time, and we show theirs", .needs("mkfs.fat", "mdir", "mcopy"))
    func onMedia() throws {
        let image = try FATImage(.init(kind: 16, kibibytes: 4096, sectorsPerCluster: 1))
        try image.edit { try $0.put(.file("x"), at: "/x.txt") }
        #expect(try image.mtool("mdir", ["::/x.txt"]).contains("1 2023-11-14  22:13"))
        let folder = try TemporaryFolder()
        try Shell.write([1], to: folder.path + "/old")
        _ = try Shell.run("touch", ["-d", "2001-02-03 04:05:06 UTC", folder.path + "/old"])
        try image.mtool("mcopy", ["-m", folder.path + "/old", "::/old"])
        #expect(try image.open(access: .readOnly).status(at: "/old")?.metadata.modified == 981_173_106)
    }
}
