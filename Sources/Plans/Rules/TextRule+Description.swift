/// The rule as a text that names all that it demands, the same whoever built piforge: plans are identified by it.
extension TextRule: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ensureLine(let line): Self.text("ensure-line", line)
        case .removeLine(let line): Self.text("remove-line", line)
        case .ensureFirstLine(let line): Self.text("ensure-first-line", line)
        case .setBlock(let title, let lines): Self.text("set-block", [title] + lines)
        case .setLine(let pattern, let line, let missing):
            Self.text("set-line", pattern.description, line, missing.rawValue)
        case .setActive(let line, let isActive, let missing):
            Self.text("set-active", line, isActive ? "active" : "commented out", missing.rawValue)
        case .removeAllLines: Self.text("remove-all-lines")
        case .setWord(let word, let present, let pattern):
            Self.text("set-word", word, present ? "present" : "absent", pattern.description)
        case .setVariable(let name, let value): Self.text("set-variable", name, value)
        case .removeVariable(let name): Self.text("remove-variable", name)
        case .setHostNames(let address, let names): Self.text("set-host-names", [address] + names)
        case .addHostNames(let address, let names): Self.text("add-host-names", [address] + names)
        case .setNetworkMounts(let boot): Self.text("set-network-mounts", boot.map { [$0] } ?? [])
        case .setServerOption(let keyword, let value): Self.text("set-server-option", keyword, value)
        case .ensureAuthorizedKey(let key): Self.text("ensure-authorized-key", key)
        case .addGroupMember(let group, let user): Self.text("add-group-member", group, user)
        case .addShadowGroupMember(let group, let user): Self.text("add-shadow-group-member", group, user)
        case .setPasswordHash(let user, let hash, let day): Self.text("set-password-hash", user, hash, String(day))
        case .setKernelArgument(let argument): Self.text("set-kernel-argument", argument)
        case .removeKernelArgument(let argument): Self.text("remove-kernel-argument", argument)
        case .removeKernelListItem(let item, let key): Self.text("remove-kernel-list-item", key, item)
        case .removeReconfigInit: Self.text("remove-reconfig-init")
        case .setNetworkRoot(let arguments): Self.text("set-network-root", arguments)
        case .setConfigKey(let section, let key, let value, let overriding):
            Self.text("set-config-key", section, key, value, overriding ? "overriding" : "")
        case .removeConfigKey(let section, let key):
            Self.text("remove-config-key", section.map { [key, $0] } ?? [key])
        case .plainText: Self.text("plain-text")
        case .setUSBMode(let mode): Self.text("set-usb-mode", mode.rawValue)
        case .turnFullFirmwareOff(let boards): Self.text("turn-full-firmware-off", boards.map(\.rawValue))
        }
    }

    /// Quotes keep what is one argument apart from what is two.
    fileprivate static func text(_ name: String, _ arguments: [String]) -> String {
        arguments.reduce(name) { $0 + " " + String(reflecting: $1) }
    }

    private static func text(_ name: String, _ arguments: String...) -> String { text(name, arguments) }
}

extension TextRule.LinePattern: CustomStringConvertible {
    package var description: String {
        var arguments = [prefix, suffix]
        if let part { arguments += ["part", part] }
        if let excluding { arguments += ["excluding", excluding] }
        return TextRule.text("pattern", arguments)
    }
}
