import ArgumentParser
import Bases
import FoundationEssentials
import Reports

struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "List what piforge keeps between builds, or remove it.",
        discussion: """
            Kept are downloads, unpacked base images, packed parts of them, and digests of their blocks for block maps, below \
            $XDG_CACHE_HOME/piforge or ~/.cache/piforge. All of it can be made again.

              piforge cache
              piforge cache prune --older-than 30d
              piforge cache prune --max-size 10G
            """,
        subcommands: [List.self, Prune.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List what is kept: what it is, of which base, how large, last used when.")

        @OptionGroup var answer: JSONOptions

        @OptionGroup var cache: CacheOption

        func run() throws {
            try answer.apply()
            cache.apply()
            let kept = try Environment.current.cache()
            let items = kept.items()
            let total = items.reduce(Int64(0)) { $0 + $1.byteCount }
            if answer.json {
                return try Output.json(
                    ListDocument(items: items.map(ItemDocument.init), path: kept.path, total: total), as: .cache)
            }
            let now = Int64(Date().timeIntervalSince1970)
            for item in items { Output.line(CacheCommand.describe(item, now: now)) }
            Output.line("\(ByteCount(total)) in \(kept.path)")
        }
    }

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "prune",
            abstract: "Remove what was not used for long, or the longest unused until the rest is small enough.",
            discussion: "What another piforge uses stays. What killed runs left goes in any case.")

        @Option(
            help: ArgumentHelp("What was not used for so long: 90m, 12h, 30d, 8w.", valueName: "age"),
            transform: { text in try CacheCommand.parse(text, with: CachePruning.seconds, example: "30d") })
        var olderThan: Int64?

        @Option(
            help: ArgumentHelp("The longest unused until the rest takes at most: 500M, 10G.", valueName: "size"),
            transform: { text in try CacheCommand.parse(text, with: CachePruning.bytes, example: "10G") })
        var maxSize: Int64?

        @Flag(help: "Everything.")
        var all = false

        @OptionGroup var answer: JSONOptions

        @OptionGroup var cache: CacheOption

        func run() throws {
            try answer.apply()
            cache.apply()
            guard all || olderThan != nil || maxSize != nil else {
                throw ForgeError(
                    .usage, "could not prune the cache: nothing says what shall go",
                    hint: "--older-than 30d, --max-size 10G or --all")
            }
            let kept = try Environment.current.cache()
            let items = kept.items()
            let now = Int64(Date().timeIntervalSince1970)
            let chosen = CachePruning(olderThan: olderThan, maximum: maxSize, isAll: all).selection(
                from: items, now: now)
            let removed = chosen.filter { kept.remove($0) }
            let freed = removed.reduce(Int64(0)) { $0 + $1.byteCount }
            let left = items.reduce(Int64(0)) { $0 + $1.byteCount } - freed
            if answer.json {
                return try Output.json(
                    PruneDocument(freed: freed, left: left, removed: removed.map(ItemDocument.init)), as: .cachePrune)
            }
            for item in removed { Output.line("removed \(CacheCommand.describe(item, now: now))") }
            for item in items where item.isInUse { Output.note("in use, kept: \(item.path)") }
            Output.line("freed \(ByteCount(freed)), kept \(ByteCount(left))")
        }
    }

    private static func describe(_ item: Cache.Item, now: Int64) -> String {
        let why =
            switch item.kind {
            case .image: "unpacked base"
            case .packed: "packed blocks to copy"
            case .tree: "unpacked tree archive"
            case .map: "digests for block maps"
            case .download: "download"
            case .part: "begun download"
            case .unfinished: "left by a killed run"
            }
        let days = max(0, now - item.lastUsed) / 86400
        let age = days == 0 ? "today" : "\(days) days ago"
        return "\(ByteCount(item.byteCount))  \(item.kind.rawValue)  \(item.source ?? item.sourceDigest)  (\(why); "
            + "used \(age)\(item.isInUse ? "; in use now" : ""))"
    }

    private static func parse(_ text: String, with read: (String) -> Int64?, example: String) throws -> Int64 {
        guard let value = read(text) else { throw ValidationError("\"\(text)\" is no such amount; \(example) is one") }
        return value
    }
}

private struct ItemDocument: Encodable {
    var bytes: Int64
    var inUse: Bool
    var kind: String
    var lastUsed: Int64
    var path: String
    var source: String?
    var sourceSHA256: String

    init(_ item: Cache.Item) {
        bytes = item.byteCount
        inUse = item.isInUse
        kind = item.kind.rawValue
        lastUsed = item.lastUsed
        path = item.path
        source = item.source
        sourceSHA256 = item.sourceDigest
    }

    enum CodingKeys: String, CodingKey {
        case bytes, kind, path, source
        case inUse = "in_use"
        case lastUsed = "last_used"
        case sourceSHA256 = "source_sha256"
    }
}

private struct ListDocument: Encodable {
    var items: [ItemDocument]
    var path: String
    var total: Int64
}

private struct PruneDocument: Encodable {
    var freed: Int64
    var left: Int64
    var removed: [ItemDocument]
}
