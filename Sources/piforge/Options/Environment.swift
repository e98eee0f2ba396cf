import Bases
import FoundationEssentials
import Reports

/// What the process's environment decides.
struct Environment {
    var variables: [String: String]

    static var current: Environment {
        var variables = ProcessInfo.processInfo.environment
        if let cacheHome { variables["XDG_CACHE_HOME"] = cacheHome }
        return Environment(variables: variables)
    }

    /// What `--cache` says, absolute; set once by the command that runs.
    nonisolated(unsafe) private static var cacheHome: String?

    static func useCache(below folder: String) {
        cacheHome = folder.hasPrefix("/") ? folder : FileManager.default.currentDirectoryPath + "/" + folder
    }

    /// Where unpacked base images are kept.
    func cache() throws(ForgeError) -> Cache {
        guard let cache = Cache.standard(environment: variables) else {
            throw ForgeError(
                .unavailable,
                "could not find a place for the cache: neither XDG_CACHE_HOME nor HOME is an absolute path",
                hint: "set XDG_CACHE_HOME to a folder with room for the unpacked base image")
        }
        return cache
    }

    /// SOURCE_DATE_EPOCH in seconds since 1970-01-01 UTC (reproducible-builds.org); nil when it is unset or empty.
    func sourceDateEpoch() throws(ForgeError) -> Int64? {
        guard let text = variables["SOURCE_DATE_EPOCH"], !text.isEmpty else { return nil }
        // ext4 and FAT both end later than 2106; 32 bits are what every part of an image can hold.
        guard let seconds = Int64(text), (0...Int64(UInt32.max)).contains(seconds) else {
            throw ForgeError(
                .usage, "could not use SOURCE_DATE_EPOCH: \"\(text)\" is no number of seconds from 0 to \(UInt32.max)",
                hint: "SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
        }
        return seconds
    }
}
