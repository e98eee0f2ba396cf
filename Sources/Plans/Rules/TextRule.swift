import Readers

/// A change of a text, as a value: a satisfied rule returns the identical text.
///
/// No rule touches lines that it does not name. New lines end as the text's first line does; a last line without an
/// end gets one only when a line is added after it.
package enum TextRule: Equatable, Sendable {
    // Lines of any file.

    /// The line is there, as a line of its own; else it is added at the end.
    case ensureLine(String)
    /// No line is this one.
    case removeLine(String)
    /// The line is the first one, and nowhere else.
    case ensureFirstLine(String)
    /// Between marks of piforge's are these lines and no others; without lines there are no marks.
    case setBlock(String, [String])
    /// Every line that matches is this one.
    case setLine(LinePattern, to: String, whenMissing: Missing)
    /// The line is active, or commented out with `#`.
    case setActive(String, Bool, whenMissing: Missing)
    /// The file is empty.
    case removeAllLines
    /// In every line that matches the word is the last one, or is not there.
    case setWord(String, present: Bool, inLine: LinePattern)

    // Files of a known form.

    /// `name=value` of a file that a shell or systemd reads; a value with quotes counts as the same without.
    case setVariable(String, String)
    case removeVariable(String)
    /// /etc/hosts: the address has one line, with exactly these names.
    case setHostNames(address: String, names: [String])
    /// /etc/hosts: the address has at least these names, and no other address of its kind has them (loopback may).
    case addHostNames(address: String, names: [String])
    /// fstab: no mount of a disk, and the boot files' line, if any.
    case setNetworkMounts(boot: String?)
    /// sshd_config: the value that counts outside of `Match` blocks.
    case setServerOption(String, String)
    /// authorized_keys: the key, by its type and blob, is there.
    case ensureAuthorizedKey(String)
    /// /etc/group: the group is there, and the user in it.
    case addGroupMember(group: String, user: String)
    /// /etc/gshadow: the same.
    case addShadowGroupMember(group: String, user: String)
    /// /etc/shadow: the user's hash; a change is dated `day`, in days since 1970-01-01.
    case setPasswordHash(user: String, hash: String, day: Int64)

    // cmdline.txt, which each of them also brings to exactly one line.

    case setKernelArgument(String)
    /// `key` or `key=value`.
    case removeKernelArgument(String)
    case removeKernelListItem(String, key: String)
    case removeReconfigInit
    /// The root over the network: these arguments in the place of `root=`, nothing that contradicts them, no fsck.
    case setNetworkRoot([String])

    // config.txt.

    /// Plain text, whatever an editor or a power cut made of it (`FirmwareText`).
    case plainText
    /// The key's value in a section. With `overriding` no other section may have a say after it.
    case setConfigKey(section: String, key: String, value: String, overriding: Bool)
    /// The key is not set in the section, or nowhere when it is nil.
    case removeConfigKey(section: String?, key: String)
    /// No line that counts on one of the boards asks for other firmware than the cut-down one.
    case turnFullFirmwareOff([Board])
    /// The USB controller's mode in the lines that 8086's images have for it, filtered sections left alone.
    case setUSBMode(USBMode)

    /// Which lines a rule means, by the text without blanks at its ends.
    package struct LinePattern: Equatable, Sendable {
        package var prefix: String
        package var suffix = ""
        /// What stands anywhere in it.
        package var part: String?
        /// Lines with this beginning are not meant.
        package var excluding: String?

        package init(prefix: String, suffix: String = "", part: String? = nil, excluding: String? = nil) {
            self.prefix = prefix
            self.suffix = suffix
            self.part = part
            self.excluding = excluding
        }

        func matches(_ line: String) -> Bool {
            let text = line.trimmed
            if let excluding, text.hasPrefix(excluding) { return false }
            if let part, !text.contains(part) { return false }
            return text.hasPrefix(prefix) && text.hasSuffix(suffix)
                && text.utf8.count >= prefix.utf8.count + suffix.utf8.count
        }
    }

    /// What to do when the line is not there.
    package enum Missing: String, Equatable, Sendable {
        case leave, append, fail
    }

    package enum USBMode: String, Equatable, Sendable {
        case host, peripheral
    }

    package func applied(to text: String) throws(TextRuleError) -> String {
        switch self {
        case .ensureLine(let line): Self.ensureLine(line, in: text)
        case .removeLine(let line): Self.removeLines(in: text) { $0 == line }
        case .removeAllLines: ""
        case .ensureFirstLine(let line): Self.ensureFirstLine(line, in: text)
        case .setBlock(let title, let lines): Self.setBlock(title, lines, in: text)
        case .setLine(let pattern, let line, let missing):
            try Self.setLine(pattern, to: line, whenMissing: missing, in: text)
        case .setActive(let line, let isActive, let missing):
            try Self.setActive(line, isActive, whenMissing: missing, in: text)
        case .setWord(let word, let present, let pattern): Self.setWord(word, present: present, pattern, in: text)
        case .setVariable(let name, let value): Self.setVariable(name, value, in: text)
        case .removeVariable(let name): Self.removeLines(in: text) { Self.variable($0)?.name == name }
        case .setHostNames(let address, let names): Self.setHostNames(names, address: address, in: text)
        case .setNetworkMounts(let line): Self.setNetworkMounts(boot: line, in: text)
        case .setServerOption(let keyword, let value): Self.setServerOption(keyword, value, in: text)
        case .addGroupMember(let group, let user): try Self.addGroupMember(user, to: group, in: text)
        case .addShadowGroupMember(let group, let user): try Self.addShadowGroupMember(user, to: group, in: text)
        case .setPasswordHash(let user, let hash, let day):
            try Self.setPasswordHash(hash, user: user, day: day, in: text)
        case .setKernelArgument, .removeKernelArgument, .removeKernelListItem, .removeReconfigInit, .setNetworkRoot:
            try appliedToKernelLine(text)
        case .setConfigKey, .removeConfigKey, .addHostNames, .ensureAuthorizedKey: try [self].applied(to: text)
        case .setUSBMode, .turnFullFirmwareOff: appliedToConfig(text)
        case .plainText: Self.plainText(text)
        }
    }

    private func appliedToKernelLine(_ text: String) throws(TextRuleError) -> String {
        var line = KernelCommandLine(text)
        switch self {
        case .setKernelArgument(let argument): line.set(argument)
        case .removeKernelArgument(let pattern): line.remove(pattern)
        case .removeKernelListItem(let item, let key): line.removeListItem(item, of: key)
        case .removeReconfigInit: line.removeReconfigInit()
        case .setNetworkRoot(let arguments): line.setNetworkRoot(arguments)
        default: break
        }
        let result = line.text
        // An open quote would swallow whatever comes after it, for the kernel as for us.
        guard result.utf8.count(where: { $0 == 0x22 }).isMultiple(of: 2) else {
            throw .malformed("with an open quote")
        }
        guard result.utf8.count <= KernelCommandLine.byteLimit else {
            throw .commandLineTooLong(byteCount: result.utf8.count, limit: KernelCommandLine.byteLimit)
        }
        return result
    }

    private static func plainText(_ text: String) -> String {
        let file = FirmwareText(TextBytes.encode(text))
        return file.oddities.isEmpty ? text : TextBytes.decode(file.bytes)
    }

    private func appliedToConfig(_ text: String) -> String {
        var config = ConfigText(text)
        switch self {
        case .setUSBMode(let mode): config.setUSBMode(mode)
        case .turnFullFirmwareOff(let boards): config.turnFullFirmwareOff(for: boards)
        default: break
        }
        return config.text
    }
}
