import Glibc
package import Plans
package import Reports

extension Request {
    /// The profile's machines as this computer reaches them; `addresses` (`cnat=192.168.1.20`) go before the profile's.
    package func roster(
        addresses: [String] = [], environment: [String: String]
    ) throws(ForgeError) -> Roster {
        guard let profile else {
            throw ForgeError(
                .usage, "could not find the cluster: no profile was named, and there is no ./\(Profile.defaultPath)",
                hint: "add --profile FILE")
        }
        return try ProfileErrors.wrapping(
            profile.roster(
                flags: flags, addresses: try Self.addresses(addresses, of: profile),
                keyFiles: { Self.keyFiles(beside: $0, home: environment["HOME"]) }))
    }

    /// The same for those who have a hand-off already: host keys that follow from a missing secret are left out.
    package func rosterWithoutKeys() throws(ForgeError) -> Roster {
        try ProfileErrors.wrapping((profile ?? .none).roster(flags: flags, needsSecret: false))
    }

    /// SHA-256 of each slot's settings as the profile has them now, by which a card's label tells what it was made from.
    package func settingsDigests(of slots: [Slot]) throws(ForgeError) -> [Slot: String] {
        try wrapping { () throws(ProfileErrors) in
            let settings = try (profile ?? .none).settings(for: slots, flags: flags, needsSecret: false)
            return settings.reduce(into: [:]) { digests, of in
                digests[of.slot] = digest(of: of.settings, for: of.slot).description
            }
        }
    }

    private static func addresses(_ texts: [String], of profile: Profile) throws(ProfileErrors) -> [Slot: String] {
        var result: [Slot: String] = [:]
        for text in texts {
            try wrapping(as: { (error: Refusal) in
                ProfileErrors([ProfileProblem(ProfilePosition(file: "--address"), error)])
            }) { () throws(Refusal) in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2 else {
                    throw Refusal("\"\(text)\" is not of the form SLOT=HOST", hint: "--address cnat=192.168.1.20")
                }
                let slot = try SlotSelection.slot(parts[0], hostNames: profile.hostNames)
                guard profile.slotLayers[slot] != nil else { throw Refusal("the profile has no slot \(slot)") }
                try Validation.hostAddress(parts[1])
                result[slot] = parts[1]
            }
        }
        return result
    }

    /// The private key whose public half is in a file that ends in `.pub`, as ssh_config(5) takes it: below `~` where it
    /// can be, else absolute. Nothing where no such file lies beside it.
    private static func keyFiles(beside path: String, home: String?) -> [String] {
        guard path.hasSuffix(".pub") else { return [] }
        let key = String(path.dropLast(4))
        guard access(key, F_OK) == 0, let resolved = realpath(key, nil) else { return [] }
        defer { free(resolved) }
        // What a link leads to may move; the name that the person chose stays.
        let absolute = key.hasPrefix("/") ? key : String(cString: resolved)
        // ssh takes the home folder of /etc/passwd, whatever HOME says.
        guard let home, home != "/", home == passwordHome, absolute.hasPrefix(home + "/") else { return [absolute] }
        return ["~" + absolute.dropFirst(home.utf8.count)]
    }

    private static var passwordHome: String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 1 << 14)
        guard getpwuid_r(getuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil, let home = entry.pw_dir
        else { return nil }
        return String(cString: home)
    }
}
