import Plans
import Readers
import Trees

/// Whether machines of the cluster reach each other as root for what they may do there: judged as sshd does.
extension EffectJudge {
    /// Nobody gets in unless the server starts, lets root in from there, and reads our file of keys.
    mutating func judgeClusterAccess() throws(VolumeError) {
        let addresses = settings.guestAddresses
        guard !addresses.isEmpty, settings.identity?.hostKey != nil else { return }
        let setting = settings.swarm == nil ? "nodes_on" : "swarm"
        let state = try reader.sshState()
        guard state == .enabled || state == .atFirstBoot else {
            return refuse(
                setting, .clusterDoorShut, "other machines ask this one over ssh, and nothing starts its server",
                hint: "ssh: true")
        }
        for address in addresses {
            let options = configuration.options(for: .init(user: "root", groups: ["root"], address: address))
            guard let why = shutDoor(options) else { continue }
            return refuse(
                setting, .clusterDoorShut, "sshd does not let root in from \(address) (\(why))",
                hint: "remove that line from the base")
        }
        for unit in ["piforge-swarm.service", "piforge-nodes.service"] where try reader.isEnabled(unit) {
            guard let mask = try reader.mask(of: unit) else { continue }
            refuse(setting, .unitNotStarted, "\(unit) is masked (\(mask))", hint: Self.unmasking(unit, mask))
        }
    }

    /// The line that keeps out who comes with a key and a command; nil when they get in.
    private func shutDoor(_ options: ServerOptions) -> String? {
        func said(_ entry: ServerOptions.Entry?) -> String { entry.map { "\($0.origin): \($0.text)" } ?? "by default" }
        if let entry = options.refusal(ofUser: "root", groups: ["root"]) { return said(entry) }
        if let entry = options.limit(ofUser: "root") { return said(entry) }
        if options.rootLogin == "no" { return said(options.entry("permitrootlogin")) }
        if !options.takesKeys { return said(options.entry("pubkeyauthentication")) }
        if !options.isEnough(["publickey"]) { return said(options.entry("authenticationmethods")) }
        if !options.keyFiles.contains(Settings.guestKeyFile.description) {
            return said(options.entry("authorizedkeysfile"))
        }
        return options.refusal(ofKeyType: "ssh-ed25519").map { said($0) }
    }
}
