/// A date and time as FAT stores it: local time, taken for UTC, from 1980 to 2107 in steps of two seconds.
///
///     date  15-9 year - 1980 | 8-5 month 1-12 | 4-0 day 1-31        time  15-11 hour | 10-5 minute | 4-0 second / 2
struct DirectoryTime: Equatable, Sendable {
    var date: UInt16
    var time: UInt16

    init(date: UInt16, time: UInt16) {
        self.date = date
        self.time = time
    }

    /// 1980-01-01 00:00:00 and 2107-12-31 23:59:58, in seconds since 1970.
    private static let range: ClosedRange<Int64> = 315_532_800...4_354_819_198

    /// The last moment that is not after `seconds` (since 1970-01-01 UTC), or the nearest end of the range.
    init(seconds: Int64) {
        let seconds = min(max(seconds, Self.range.lowerBound), Self.range.upperBound)
        let (year, month, day) = Self.civil(fromDays: Int(seconds / 86400))
        let rest = Int(seconds % 86400)
        date = UInt16((year - 1980) << 9 | month << 5 | day)
        time = UInt16((rest / 3600) << 11 | (rest / 60 % 60) << 5 | (rest % 60) / 2)
    }

    /// Seconds since 1970-01-01 UTC; a field out of its range counts as the nearest value within it.
    var seconds: Int64 {
        let month = min(max(Int(date >> 5 & 0xF), 1), 12)
        let day = max(Int(date & 0x1F), 1)
        let days = Self.days(year: 1980 + Int(date >> 9), month: month, day: day)
        let hour = min(Int(time >> 11), 23)
        let minute = min(Int(time >> 5 & 0x3F), 59)
        let second = min(Int(time & 0x1F), 29) * 2
        return Int64(days * 86400 + hour * 3600 + minute * 60 + second)
    }

    /// Days since 1970-01-01 of a Gregorian date after it, counted in years that begin in March.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month > 2 ? year : year - 1
        let marchMonth = (month + 9) % 12
        let leaps = marchYear / 4 - marchYear / 100 + marchYear / 400
        return marchYear * 365 + leaps + (marchMonth * 153 + 2) / 5 + day - 1 - 719_468
    }

    private static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        var year = 1970 + days / 366
        while Self.days(year: year + 1, month: 1, day: 1) <= days { year += 1 }
        var month = 1
        while month < 12, Self.days(year: year, month: month + 1, day: 1) <= days { month += 1 }
        return (year, month, days - Self.days(year: year, month: month, day: 1) + 1)
    }
}
