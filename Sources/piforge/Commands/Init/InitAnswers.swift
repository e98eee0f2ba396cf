import ArgumentParser
import Forge
import Inspect
import Plans
import Reports

/// What `init` wants to know, each as an option and as a question.
struct InitAnswers: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What controls the nodes: cnat (behind NAT), cbridge (on your LAN), or none.", valueName: "slot"))
    var controller: ProfileDraft.Controller?

    @Option(help: ArgumentHelp("The cluster's name, which begins the names of the images.", valueName: "name"))
    var cluster: String?

    @Option(
        help: ArgumentHelp("Host names with commas: the controller's first, then those of p1, p2 …", valueName: "names")
    )
    var names: String?

    @Option(
        help: ArgumentHelp("A public key that may log in, or its file.", valueName: "file-or-key"), completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp("A file whose first line is the login's password; - is standard input.", valueName: "file"))
    var passwordFile: UserPath?

    @Option(help: ArgumentHelp("The wireless network that the controller joins.", valueName: "ssid"))
    var wifi: String?

    @Option(help: ArgumentHelp("A file whose first line is its passphrase.", valueName: "file"))
    var wifiPasswordFile: UserPath?

    @Option(help: ArgumentHelp("The country whose radio rules hold, such as GB.", valueName: "code"))
    var wifiCountry: String?

    @Flag(inversion: .prefixedNo, help: "Get ready for Docker, Swarm or Kubernetes.")
    var containers: Bool?

    @Option(help: ArgumentHelp("Such as Europe/Berlin.", valueName: "zone"))
    var timeZone: String?

    @Option(help: ArgumentHelp("Such as en_GB.UTF-8.", valueName: "name"))
    var locale: String?

    @Option(
        help: ArgumentHelp(
            "The base image: one of 8086's images, or Raspberry Pi OS as it is published.", valueName: "file"))
    var base: UserPath?

    var isAnyGiven: Bool {
        controller != nil || containers != nil || passwordFile != nil || wifiPasswordFile != nil || base != nil
            || [cluster, names, key, wifi, wifiCountry, timeZone, locale].contains { $0 != nil }
    }

    /// The draft of the options, and of what is asked besides.
    func draft(
        asking isAsking: Bool, suggestions: ProfileSuggestions, place: ProfilePlace
    ) throws(ForgeError) -> ProfileDraft {
        var draft = ProfileDraft()
        let answer = InitAnswer(isAsking: isAsking)
        draft.controller = try answer(
            controller?.rawValue, "--controller",
            "What controls the nodes: cnat (behind NAT), cbridge (on your LAN), none", usual: "cnat"
        ) { (text) throws(Refusal) in
            guard let found = ProfileDraft.Controller(rawValue: text) else {
                throw Refusal(
                    "\"\(text)\" is none of cnat, cbridge and none",
                    hint: SchemaSuggestion.nearest(to: text, in: ProfileDraft.Controller.allCases.map(\.rawValue)))
            }
            return found
        }
        draft.cluster = try answer(
            cluster, "--cluster", "Name of the cluster, for the images' names", usual: draft.cluster
        ) { (text) throws(Refusal) in
            try Validation.clusterName(text)
            return text
        }
        let kind = draft.controller
        draft.names = try answer(
            names, "--names",
            kind == .none ? "Host names of p1, p2 …, with commas" : "Host names, the controller's first, then p1, p2 …",
            usual: ProfileDraft.usualNames(with: kind).joined(separator: ",")
        ) { (text) throws(Refusal) in try ProfileDraft.names(text, with: kind) }
        try addLogin(to: &draft, answer, suggestions, place)
        try addWiFi(to: &draft, answer, suggestions)
        if let containers {
            draft.runsContainers = containers
        } else if isAsking {
            draft.runsContainers = try Questions.confirm("Docker, Swarm or Kubernetes on them?", usual: true)
        }
        try addPlace(to: &draft, answer, suggestions)
        try addBase(to: &draft, answer, suggestions, place)
        return draft
    }

    private func addLogin(
        to draft: inout ProfileDraft, _ answer: InitAnswer, _ suggestions: ProfileSuggestions, _ place: ProfilePlace
    ) throws(ForgeError) {
        draft.key = try answer(
            key, "--key", "Public key that may log in, a file or none", usual: suggestions.keyFiles.first ?? "none",
            absent: "none"
        ) { (text) throws(Refusal) in
            if text == "none" { return nil }
            if SettingsLayer.Flag(authorizedKey: text).key == "authorized_keys" {
                try Validation.authorizedKey(text)
                return .line(text)
            }
            _ = try suggestions.keyLines(ofFile: UserPath.expanded(text))
            return .file(place.reference(text))
        }
        var password = ""
        if let passwordFile {
            password = try SecretText.firstLine(of: passwordFile.path, what: "the password")
        } else if answer.isAsking {
            let hasKey = draft.key != nil
            let text = hasKey ? "Password, or Enter for the key alone" : "Password of the user pi"
            password = try Questions.askSecret(text, isNew: true) { (text) throws(Refusal) in
                if text.isEmpty, !hasKey {
                    throw Refusal("without a key and a password nobody can log in", hint: "type a password")
                }
            }
        }
        if !password.isEmpty || passwordFile != nil {
            draft.passwordHash = try PasswordHash.make(of: password, method: .sha512)
        }
        guard draft.key != nil || draft.passwordHash != nil else {
            throw ForgeError(
                .usage, "could not write a profile: without a key and a password nobody can log in",
                hint: "--key \(suggestions.keyFiles.first ?? "~/.ssh/id_ed25519.pub"), or --password-file FILE")
        }
    }

    private func addWiFi(
        to draft: inout ProfileDraft, _ answer: InitAnswer, _ suggestions: ProfileSuggestions
    ) throws(ForgeError) {
        if let option = wifi.map({ _ in "--wifi" }) ?? wifiPasswordFile.map({ _ in "--wifi-password-file" })
            ?? wifiCountry.map({ _ in "--wifi-country" }), draft.controller == .none || wifi == nil && !answer.isAsking
        {
            throw ForgeError(
                .usage,
                "could not use \(option): "
                    + (draft.controller == .none ? "only a controller joins a network" : "no network is named"),
                hint: draft.controller == .none ? "--controller cnat" : "--wifi SSID")
        }
        guard draft.controller != .none else { return }
        let ssid = try answer(wifi, "--wifi", "Wi-Fi that the controller joins, or none", usual: "none") {
            (text) throws(Refusal) in
            if text == "none" { return nil as String? }
            try Validation.ssid(text)
            return text
        }
        guard let ssid else { return }
        var psk: String?
        if let wifiPasswordFile {
            let text = try SecretText.firstLine(of: wifiPasswordFile.path, what: "the passphrase")
            psk = try answer(text, "--wifi-password-file", "") { (text) throws(Refusal) in
                try Validation.psk(text)
                return text
            }
        } else if answer.isAsking {
            let text = try Questions.askSecret("Passphrase of \(ssid), or Enter for an open network", isNew: false) {
                (text) throws(Refusal) in if !text.isEmpty { try Validation.psk(text) }
            }
            psk = text.isEmpty ? nil : text
        }
        let country = try answer(
            wifiCountry, "--wifi-country", "Country, whose radio rules hold", usual: suggestions.country ?? "GB"
        ) { (text) throws(Refusal) in
            try Validation.country(text)
            return text
        }
        draft.wifi = Settings.WiFi(ssid: ssid, psk: psk, hidden: false, country: country)
    }

    private func addPlace(
        to draft: inout ProfileDraft, _ answer: InitAnswer, _ suggestions: ProfileSuggestions
    ) throws(ForgeError) {
        draft.timeZone = try answer(
            timeZone, "--time-zone", "Time zone, or none", usual: suggestions.timeZone ?? "none", absent: "none"
        ) { (text) throws(Refusal) in
            if text == "none" { return nil }
            try Validation.timeZone(text)
            return text
        }
        draft.locale = try answer(
            locale, "--locale", "Locale, or none", usual: suggestions.locale ?? "none", absent: "none"
        ) { (text) throws(Refusal) in
            if text == "none" { return nil }
            try Validation.locale(text)
            return text
        }
    }

    private func addBase(
        to draft: inout ProfileDraft, _ answer: InitAnswer, _ suggestions: ProfileSuggestions, _ place: ProfilePlace
    ) throws(ForgeError) {
        draft.base = try answer(
            base?.path, "--base", "Base image, a file or none",
            usual: suggestions.bases(for: draft.controller).first ?? "none",
            absent: "none"
        ) { (text) throws(Refusal) in
            if text == "none" { return nil }
            let path = UserPath.expanded(text)
            try suggestions.checkBase(path)
            return place.reference(path)
        }
    }
}

/// One answer: what an option says, else what the person says, else the usual.
struct InitAnswer {
    var isAsking: Bool

    /// `absent` is what no option means where nothing is asked; without it that is the usual.
    func callAsFunction<Value>(
        _ given: String?, _ option: String, _ question: String, usual: String = "", absent: String? = nil,
        _ read: (String) throws(Refusal) -> Value
    ) throws(ForgeError) -> Value {
        if given == nil, isAsking { return try Questions.ask(question, usual: usual, read) }
        do throws(Refusal) {
            return try read(given ?? absent ?? usual)
        } catch {
            throw ForgeError(.usage, "could not use \(option): \(error.message)", hint: error.hint)
        }
    }
}

extension ProfileDraft.Controller: ExpressibleByArgument {}
