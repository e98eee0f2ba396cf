import ArgumentParser
import Bases
import Forge
import Inspect
import Plans
import Reports

/// What `build`, `plan` and `verify` share: where the settings come from.
struct SettingsOptions: ParsableArguments {
    @OptionGroup(title: "Essentials") var target: SlotOptions

    @OptionGroup(title: "Settings, instead of the profile's") var values: SettingValues

    @Option(
        help: ArgumentHelp(
            "Go on although this was found, which keeps a setting or the image from working: the name in brackets, by docs/effect.md. May be given several times.",
            discussion: FindingID.allCases.filter(\.refusesBuild).map(\.rawValue).sorted().joined(separator: ", "),
            valueName: "finding"),
        completion: .list(FindingID.allCases.filter(\.refusesBuild).map(\.rawValue).sorted()))
    var allow: [String] = []

    @OptionGroup var strict: StrictOption

    @OptionGroup var sources: FetchOptions

    @OptionGroup var answer: JSONOptions

    @OptionGroup private var cache: CacheOption

    func apply() throws(ForgeError) {
        try answer.apply()
        cache.apply()
    }

    var slot: [String] { target.slot }

    /// The flags and the profile, resolved.
    ///
    /// `slots` is used where `--slot` may be left out. `others` takes the place of `--slot` in any case, and
    /// `--hostname` is not applied to them. `kind` says which slots of the profile `all`, or no slot, means.
    func request(
        in environment: Environment, slots: String? = nil, others: String? = nil,
        allMeans kind: SlotSelection.Kind = .any, needsSecret: Bool = true
    ) throws(ForgeError) -> Request {
        let chosen = others ?? (slot.isEmpty ? slots : slot.joined(separator: ","))
        let flags = try values.flags().filter { others == nil || $0.origin != "--hostname" }
        var request = try Request(
            profilePath: target.source.path, slots: chosen, allMeans: kind, flags: flags,
            environment: environment.variables,
            needsSecret: needsSecret)
        request.allowed = try allowed()
        request.isStrict = strict.strict
        for slot in request.unlistedSlots {
            Output.note("note: the profile does not list \(slot); it gets the defaults")
        }
        return request
    }

    /// What brings the profile's bases here.
    func fetch(in environment: Environment, cache: Cache) -> BaseFetch {
        sources.fetch(in: environment, cache: cache, profilePath: Request.profilePath(target.source.path))
    }

    /// Takes the word `ask` for a password that is asked for now, once for all slots.
    mutating func askPassword() throws(ForgeError) {
        guard values.passwordHash == "ask" else { return }
        guard StandardInput.isTerminal else {
            throw ForgeError(
                .usage, "could not ask for the password: standard input is no terminal",
                hint: "--password-hash \"$(printf '%s' \"$SECRET\" | piforge hash-password)\"")
        }
        values.passwordHash = try PasswordHash.make(of: Questions.askSecret("Password", isNew: true), method: .sha512)
    }

    private func allowed() throws(ForgeError) -> Set<FindingID> {
        var allowed: Set<FindingID> = []
        for name in allow {
            guard let id = FindingID(rawValue: name) else {
                let nearest = SchemaSuggestion.nearest(to: name, in: FindingID.allCases.map(\.rawValue))
                throw ForgeError(
                    .usage, "there is no finding \"\(name)\"",
                    hint: nearest.map { "--allow \($0)" } ?? "see docs/effect.md")
            }
            allowed.insert(id)
        }
        return allowed
    }
}

/// Which slots of which profile.
struct SlotOptions: ParsableArguments {
    @OptionGroup var source: ProfileOption

    @Option(
        help: ArgumentHelp(
            "Which slots: p3, p1-p4, cnat, cbridge, a host name of the profile, a list of these with commas, or all. May be given several times; without it every slot of the profile.",
            valueName: "slots"), completion: .slots)
    var slot: [String] = []
}

/// Settings that have options of their own.
struct SettingValues: ParsableArguments {
    @Option(help: .setting("hostname"))
    var hostname: String?

    @Flag(inversion: .prefixedNo, help: .setting("ssh"))
    var ssh: Bool?

    @Option(
        help: ArgumentHelp(
            "A public key that may log in, or a file with such keys. May be given several times.",
            valueName: "file-or-key"), completion: .file())
    var authorizedKey: [String] = []

    @Option(help: .setting("user"))
    var user: String?

    @Option(help: .setting("password_hash"))
    var passwordHash: String?

    @Flag(inversion: .prefixedNo, help: .setting("cgroups"))
    var cgroups: Bool?

    @Option(help: .setting("gpu_mem"))
    var gpuMem: String?

    @Option(
        help: ArgumentHelp(
            "Any other setting of docs/profile.md, as time_zone=Europe/Berlin or config.pi0.arm_freq=1000. May be given several times.",
            valueName: "key=value"))
    var set: [String] = []

    /// The flags as settings: key path, value's text, and the option to name in errors.
    func flags() throws(ForgeError) -> [SettingsLayer.Flag] {
        var flags: [SettingsLayer.Flag] = []
        func add(_ key: String, _ value: String?, _ origin: String) {
            if let value { flags.append(.init(key: key, value: value, origin: origin)) }
        }
        add("hostname", hostname, "--hostname")
        add("ssh", ssh.map { $0 ? "true" : "false" }, ssh == false ? "--no-ssh" : "--ssh")
        add("user", user, "--user")
        add("password_hash", passwordHash, "--password-hash")
        add("cgroups", cgroups.map { $0 ? "true" : "false" }, cgroups == false ? "--no-cgroups" : "--cgroups")
        add("gpu_mem", gpuMem, "--gpu-mem")
        flags += authorizedKey.map { .init(authorizedKey: $0) }
        return try flags + Request.assignments(set)
    }
}

extension ArgumentHelp {
    /// What the table of settings says of a key's option.
    fileprivate static func setting(_ key: String) -> ArgumentHelp {
        let option = Schema.key(key)?.option
        return ArgumentHelp(option?.help ?? "", valueName: option?.valueName)
    }
}
