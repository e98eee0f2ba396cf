import ArgumentParser
import Cards
import Forge

/// What a shell offers after TAB besides options and files.
extension CompletionKind {
    /// Slots and host names of the profile at hand, also after a comma.
    static var slots: CompletionKind {
        .custom { words, _, prefix in
            let names = profileNames(words)
            let begun = prefix.lastIndex(of: ",").map { String(prefix[...$0]) } ?? ""
            return (["all"] + (names.isEmpty ? ["cnat", "cbridge", "p1-p4"] : names)).map { begun + $0 }
        }
    }

    /// The same with what must follow: `p1=`.
    static func slotPairs(_ values: @escaping @Sendable () -> [String] = { [] }) -> CompletionKind {
        .custom { words, _, prefix in
            guard let sign = prefix.firstIndex(of: "=") else { return profileNames(words).map { $0 + "=" } + values() }
            return values().map { prefix[...sign] + $0 }
        }
    }

    /// The disks that may be written.
    static var devices: CompletionKind { .custom { _, _, _ in devicePaths() } }

    /// `p1=/dev/sdb`, or the disk alone.
    static var slotDevices: CompletionKind { .slotPairs(devicePaths) }

    @Sendable private static func devicePaths() -> [String] {
        DeviceList(.read(), guard: DeviceGuard(allowsLarge: false), all: false).devices.map(\.path)
    }

    /// Nothing where there is no profile, or one that cannot be read: a shell has no room for errors.
    private static func profileNames(_ words: [String]) -> [String] {
        let path = words.firstIndex(of: "--profile").flatMap { index in
            words.indices.contains(index + 1) ? UserPath(argument: words[index + 1]).path : nil
        }
        let variables = Environment.current.variables
        guard let request = try? Request(profilePath: path, flags: [], environment: variables),
            let profile = request.profile
        else { return [] }
        return profile.slots.map(\.name) + profile.hostNames.keys.sorted()
    }
}
