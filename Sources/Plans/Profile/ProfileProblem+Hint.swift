extension ProfileProblem {
    /// The hint as the person types it: of a flag as a flag, of a profile as YAML.
    package var typedHint: String? {
        // Which slots there are, the profile says.
        guard let hint, position.file.hasPrefix("--"), position.file != "--slot" else { return hint }
        // `ssid: Home`, said of `--set wifi.psk`.
        if let pair = hint.wholeMatch(of: /([a-z_0-9]+): (.+)/) {
            return assignment(String(pair.1), String(pair.2))
        }
        if let key = hint.wholeMatch(of: /did you mean `([a-z_0-9]+)`\?/) { return assignment(String(key.1), "…") }
        return hint
    }

    private func assignment(_ key: String, _ value: String) -> String {
        let names = position.file.dropFirst("--set ".count).split(separator: ".").map(String.init)
        let isInner = names.count > 1 && Schema.flagKeys.contains { $0.name == names[0] }
        let path = isInner ? "\(names[0]).\(key)" : key
        let isQuoted = value.count > 1 && value.hasPrefix("\"") && value.hasSuffix("\"")
        let text = "\(path)=" + (isQuoted ? String(value.dropFirst().dropLast()) : value)
        return "--set " + (text.contains(" ") ? "'\(text)'" : text)
    }
}
