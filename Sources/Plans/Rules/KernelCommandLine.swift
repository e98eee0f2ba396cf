import Readers

/// The one line of cmdline.txt, as arguments.
///
/// The firmware reads the first line only, so a text's first line that is not blank counts and the rest is dropped, as
/// is what follows a NUL. UTF-16 is taken for what was meant.
/// Arguments end at blanks outside double quotes (Linux, lib/cmdline.c, next_arg). Blanks between arguments are kept.
package struct KernelCommandLine: Equatable, Sendable {
    package struct Argument: Equatable, Sendable {
        /// The blanks before it.
        fileprivate var leading: String
        package var text: String

        /// What is before `=`, with `-` as `_`: the kernel takes both for the same (parameq, kernel/params.c).
        package var key: String { KernelCommandLine.key(of: text) }

        /// What is after the first `=`; nil for a bare word.
        package var value: String? {
            text.firstIndex(of: "=").map { String(text[text.index(after: $0)...]) }
        }
    }

    package private(set) var arguments: [Argument] = []

    /// Above this many bytes a line is refused: firmware and device tree add some 300 to it, and 1024 is the kernel's
    /// limit on 32-bit machines (Linux, arch/arm/include/uapi/asm/setup.h).
    package static let byteLimit = 900
    /// Above this many bytes the user is warned.
    package static let advisedBytes = 600

    /// Keys that may occur more than once, each value counting.
    private static let accumulating: Set<String> = [
        "console", "earlycon", "cgroup_enable", "cgroup_disable", "systemd.mask", "systemd.wants", "systemd.setenv",
        "video",
    ]

    package init(_ text: String) {
        let text = TextBytes.decode(CommandLineFile(TextBytes.encode(text)).bytes)
        let lines = TextLines(text).lines.map { line in
            line.text.unicodeScalars.first == "\u{FEFF}" ? String(line.text.unicodeScalars.dropFirst()) : line.text
        }
        let line = lines.first { !$0.trimmed.isEmpty }?.trimmed ?? ""
        var leading: [UInt8] = []
        var word: [UInt8] = []
        var isQuoted = false
        for byte in line.utf8 {
            let isBlank = byte == 0x20 || byte == 0x09 || byte == 0x0D
            if isBlank && !isQuoted {
                if !word.isEmpty {
                    append(leading, word)
                    leading = []
                    word = []
                }
                leading.append(byte == 0x0D ? 0x20 : byte)
            } else {
                if byte == 0x22 { isQuoted.toggle() }
                word.append(byte)
            }
        }
        if !word.isEmpty { append(leading, word) }
    }

    private mutating func append(_ leading: [UInt8], _ word: [UInt8]) {
        arguments.append(
            Argument(leading: String(decoding: leading, as: UTF8.self), text: String(decoding: word, as: UTF8.self)))
    }

    /// Exactly one line and its `\n`.
    package var text: String {
        var result = ""
        for (index, argument) in arguments.enumerated() {
            if index > 0 { result += argument.leading.isEmpty ? " " : argument.leading }
            result += argument.text
        }
        return result + "\n"
    }

    package static func key(of argument: String) -> String {
        let text = argument.hasPrefix("\"") ? argument.dropFirst() : argument[...]
        return String(text.prefix(while: { $0 != "=" }).map { $0 == "-" ? "_" : $0 })
    }

    /// Whether arguments of this key stand beside each other instead of the last one counting.
    package static func accumulates(_ key: String) -> Bool { accumulating.contains(key) }

    package func contains(_ argument: String) -> Bool { arguments.contains { $0.text == argument } }

    /// The values of all arguments of `key`, in order.
    package func values(of key: String) -> [String] {
        let key = Self.key(of: key)
        return arguments.filter { $0.key == key }.compactMap(\.value)
    }
}

// MARK: - Changes

extension KernelCommandLine {
    /// Makes `argument` occur exactly once, in front of ` init=` and ` systemd.run`: what stands after them is cut by
    /// 8086's build and by Imager's firstrun.sh. Others of its key go, unless the key accumulates.
    package mutating func set(_ argument: String) {
        let key = Self.key(of: argument)
        if key == "init" || Self.endsArguments(key) { return setAtEnd(argument, key: key) }
        let boundary =
            arguments.firstIndex { $0.key == "init" || Self.endsArguments($0.key) || $0.text == "--" }
            ?? arguments.count
        let matches = arguments.indices.filter {
            Self.accumulates(key) ? arguments[$0].text == argument : arguments[$0].key == key
        }
        if matches.count == 1, matches[0] < boundary, arguments[matches[0]].text == argument { return }
        let place = min(matches.first ?? boundary, boundary)
        replace(matches, with: argument, at: place)
    }

    /// Removes every argument of the key that `pattern` names, or only the one that equals it when it holds a `=`.
    package mutating func remove(_ pattern: String) {
        let isExact = pattern.contains("=")
        let key = Self.key(of: pattern)
        arguments.removeAll { isExact ? $0.text == pattern : $0.key == key }
    }

    /// Takes `item` out of the comma lists of `key`; a list that is empty then goes altogether.
    package mutating func removeListItem(_ item: String, of key: String) {
        let name = Self.key(of: key)
        arguments = arguments.compactMap { argument in
            guard argument.key == name,
                let items = argument.value?.split(separator: ",", omittingEmptySubsequences: false),
                items.contains(Substring(item))
            else { return argument }
            let rest = items.filter { $0 != item }
            if rest.isEmpty { return nil }
            return Argument(leading: argument.leading, text: key + "=" + rest.joined(separator: ","))
        }
    }

    /// Removes `init=…/reconfig-clusterctrl` of any age and the type word after it.
    package mutating func removeReconfigInit() {
        var isAfter = false
        arguments.removeAll { argument in
            let isMeant = Self.isReconfigInit(argument.text)
            defer { isAfter = isMeant }
            return isMeant || isAfter && Self.isTypeWord(argument.text)
        }
    }

    /// Puts `wanted` in the place of `root=`, and `fsck.mode=skip` in that of `fsck.repair=`; other arguments about the
    /// root go.
    package mutating func setNetworkRoot(_ wanted: [String]) {
        let keys: Set<String> = ["root", "rootfstype", "nfsroot", "ip", "ro", "rw"]
        let place = arguments.firstIndex { $0.key == "root" } ?? 0
        let rest = arguments.enumerated().filter { !keys.contains($1.key) }
        let position = rest.firstIndex { $0.offset > place } ?? rest.count
        let added = wanted.map { Argument(leading: " ", text: $0) }
        let old = arguments
        arguments = rest[..<position].map(\.element) + added + rest[position...].map(\.element)
        if arguments.map(\.text) == old.map(\.text) { arguments = old }
        if let repair = arguments.firstIndex(where: { $0.key == "fsck.repair" }), values(of: "fsck.mode").isEmpty {
            arguments[repair].text = "fsck.mode=skip"
        }
        set("fsck.mode=skip")
    }

    /// The type word after a pending `init=…/reconfig-clusterctrl`, "" when there is none after it; nil when no
    /// conversion is pending.
    package var pendingReconfigType: String? {
        guard let index = arguments.firstIndex(where: { Self.isReconfigInit($0.text) }) else { return nil }
        let next = index + 1
        return next < arguments.count && Self.isTypeWord(arguments[next].text) ? arguments[next].text : ""
    }

    private mutating func setAtEnd(_ argument: String, key: String) {
        let matches = arguments.indices.filter { arguments[$0].key == key }
        if matches.count == 1, arguments[matches[0]].text == argument { return }
        let boundary =
            arguments.firstIndex { key == "init" ? Self.endsArguments($0.key) : $0.text == "--" } ?? arguments.count
        replace(matches, with: argument, at: matches.first ?? boundary)
    }

    private mutating func replace(_ matches: [Int], with argument: String, at place: Int) {
        let removed = Set(matches)
        let kept = arguments.enumerated().filter { !removed.contains($0.offset) }
        let before = kept.prefix { $0.offset < place }.map(\.element)
        arguments = before + [Argument(leading: " ", text: argument)] + kept.dropFirst(before.count).map(\.element)
    }

    private static func endsArguments(_ key: String) -> Bool { key.hasPrefix("systemd.run") || key == "__" }

    private static func isReconfigInit(_ text: String) -> Bool {
        text.hasPrefix("init=") && text.hasSuffix("/reconfig-clusterctrl")
    }

    /// What 8086's scripts of any age take: `c`, `cbridge`, `cnat`, `p` and digits.
    private static func isTypeWord(_ text: String) -> Bool {
        if ["c", "cbridge", "cnat"].contains(text) { return true }
        return text.hasPrefix("p") && text.utf8.count > 1 && text.utf8.dropFirst().allSatisfy { (0x30...0x39) ~= $0 }
    }
}
