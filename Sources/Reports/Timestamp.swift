import Glibc

/// A time in UTC as ISO 8601 has it, such as `2026-11-28T21:45:00Z`, of seconds since 1970-01-01.
package func timestamp(_ seconds: Int64) -> String { format(seconds, "%Y-%m-%dT%H:%M:%SZ") }

/// The day of such a time in UTC, such as `2026-11-28`.
package func day(_ seconds: Int64) -> String { format(seconds, "%Y-%m-%d") }

private func format(_ seconds: Int64, _ pattern: String) -> String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, pattern, &parts)
    return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
