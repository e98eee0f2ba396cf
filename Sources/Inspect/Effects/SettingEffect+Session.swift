import Plans
import Readers
import Trees

/// What becomes of somebody whom sshd has let in: judged as sshd (session.c) and PAM (pam_unix(8)) do.
extension EffectJudge {
    mutating func judgeSession(_ setting: String, of target: Target, _ options: ServerOptions) throws(VolumeError) {
        let user = target.user
        if let line = options.entry("maxsessions"), line.arguments.first.flatMap({ Int($0) }) == 0 {
            refuse(
                setting, .userRefused, "sshd starts no session (\(line.origin): \(line.text))",
                hint: "remove that line from the base")
        }
        try judgeFolder(setting, of: target, options)
        if let line = options.entry("forcecommand"), line.arguments.first?.lowercased() != "none" {
            warn(
                .forcedCommand,
                "whoever logs in as \(user.name) gets \(line.arguments.joined(separator: " ")) and no shell (\(line.origin))",
                hint: "remove that line from the base if a shell is wanted")
        }
        if let line = options.limit(ofUser: user.name) {
            warn(
                .userLimited, "sshd lets \(user.name) in from some addresses alone (\(line.origin): \(line.text))",
                hint: "name \(user.name) without @ there if that is not wanted")
        }
        judgeAge(setting, of: user)
    }

    /// ChrootDirectory: each folder on the way must be root's, with nobody else to write it (session.c,
    /// safely_chroot).
    private mutating func judgeFolder(
        _ setting: String, of target: Target, _ options: ServerOptions
    ) throws(VolumeError) {
        guard let line = options.entry("chrootdirectory"), let pattern = line.arguments.first,
            pattern.lowercased() != "none", target.user.id != 0 || !pattern.contains("%")
        else { return }
        let user = target.user
        let text = ServerOptions.keyPath(pattern, user: user.name, id: user.id, home: target.home)
        guard let path = VolumePath(text) else { return }
        for folder in path.ancestors + [path] {
            let status = try reader.source.status(.root, folder)
            let why: String
            if status?.kind != .directory {
                why = "\(folder) is no folder of the image"
            } else if status?.metadata.owner != 0 || (status?.metadata.mode ?? 0) & 0o022 != 0 {
                why = "others than root may write \(folder)"
            } else {
                continue
            }
            return refuse(
                setting, .userRefused, "sshd ends every session: \(why) (\(line.origin): \(line.text))",
                hint: "remove that line from the base")
        }
    }

    /// A password that is too old must be changed before anything else, also after a login by key; without one nobody
    /// can.
    private mutating func judgeAge(_ setting: String, of user: Accounts.User) {
        guard let shadow = accounts.shadows[user.name], let changed = shadow.changed, user.password == "x" else {
            return
        }
        let today = now / 86400
        let isOld = shadow.lasts.map { $0 >= 0 && $0 < 10000 && Int64(changed) + Int64($0) < today } ?? false
        guard changed == 0 || isOld else { return }
        let place = "/etc/shadow:\(shadow.line), \(changed == 0 ? "third" : "fifth") field"
        let hash = shadow.hash
        if hash.hasPrefix("!") || hash.hasPrefix("*") {
            refuse(
                setting, .accountExpired,
                "a login first asks \(user.name) to change a password that does not exist (\(place))",
                hint: "empty that field in the base, or set password_hash")
        } else {
            warn(
                .passwordMustChange, "the first login asks \(user.name) for the old password and a new one (\(place))",
                hint: "empty that field in the base, or set password_hash")
        }
    }
}
