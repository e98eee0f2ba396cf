import Inspect
import Plans
import Trees

@testable import Forge

/// Who gets in over ssh.
extension EffectTests {
    static let key = InspectionFixture.key
    static let hash = "$6$saltsalt$" + String(repeating: "a", count: 86)
    static let server: VolumePath = "/etc/ssh/sshd_config"

    static let keys: @Sendable (inout Settings) -> Void = {
        $0.ssh = true
        $0.authorizedKeys = [key]
    }

    /// Lines at the end of sshd_config.
    static func sshd(_ lines: String) -> @Sendable (inout InspectionFixture) -> Void {
        { image in
            let old = image.text(server)
            image.file(server, old + lines + "\n")
        }
    }

    static let loginCases = [
        EffectCase(
            "PubkeyAuthentication", .keysOff, saying: "PubkeyAuthentication no", with: keys,
            defeat: sshd("PubkeyAuthentication no")),
        EffectCase(
            "PubkeyAuthentication in Match", .keysOff, saying: "/etc/ssh/sshd_config:", with: keys,
            defeat: sshd("Match Group sudo\nPubkeyAuthentication no")),
        EffectCase("a mount over the homes", .keysElsewhere, saying: "/etc/fstab:", with: keys) {
            $0.file("/etc/fstab", $0.text("/etc/fstab") + "tmpfs /home tmpfs defaults 0 0\n")
        },
        EffectCase("a mount unit over the homes", .keysElsewhere, saying: "home.mount", with: keys) {
            $0.file("/etc/systemd/system/home.mount", "[Mount]\nWhat=tmpfs\nWhere=/home\n")
            $0.link("/etc/systemd/system/local-fs.target.wants/home.mount", to: "/etc/systemd/system/home.mount")
        },
        EffectCase(
            "AuthorizedKeysFile none", .keysElsewhere, saying: "reads keys from no file", with: keys,
            defeat: sshd("AuthorizedKeysFile none")),
        EffectCase(
            "AuthenticationMethods", .keysNotEnough, saying: "publickey,password", with: keys,
            defeat: sshd("AuthenticationMethods publickey,password")),
        EffectCase("AllowUsers", .userRefused, saying: "allowusers sam", with: keys, defeat: sshd("AllowUsers sam")),
        EffectCase(
            "DenyGroups", .userRefused, saying: "denygroups sudo", with: keys, defeat: sshd("DenyGroups sudo")),
        EffectCase("nologin shell", .userRefused, saying: "/usr/sbin/nologin", with: keys) { image in
            image.file("/etc/passwd", "pi:x:1000:1000:,,,:/home/pi:/usr/sbin/nologin\nsshd:x:104:65534::/run/sshd:/x\n")
        },
        EffectCase("missing shell", .userRefused, saying: "/bin/zsh", with: keys) { image in
            image.file("/etc/passwd", "pi:x:1000:1000:,,,:/home/pi:/bin/zsh\nsshd:x:104:65534::/run/sshd:/x\n")
        },
        EffectCase("/etc/nologin", .loginNologin, saying: "/etc/nologin", with: keys) { $0.file("/etc/nologin", "") },
        EffectCase("expired", .accountExpired, saying: "eighth field", with: keys) {
            $0.file("/etc/shadow", "pi:!:19480:0:99999:7::19500:\n", mode: 0o640)
        },
        EffectCase("locked", .accountLocked, saying: "UsePAM", with: keys) { image in
            image.file(server, image.text(server).replacing("UsePAM yes", with: "UsePAM no"))
        },
        EffectCase("open home", .keysUnreadable, saying: "/home/pi has mode 777", with: keys) {
            $0.folder("/home/pi", mode: 0o777, owner: 1000)
        },
        EffectCase("foreign home", .keysUnreadable, saying: "/home/pi belongs to uid 1001", with: keys) {
            $0.folder("/home/pi", owner: 1001)
        },
        EffectCase(
            "ChrootDirectory", .userRefused, saying: "/home/jail is no folder of the image", with: keys,
            defeat: sshd("ChrootDirectory /home/jail")),
        EffectCase("ChrootDirectory of others", .userRefused, saying: "others than root may write /home/pi", with: keys)
        {
            sshd("ChrootDirectory %h")(&$0)
        },
        EffectCase(
            "MaxSessions", .userRefused, saying: "maxsessions 0", with: keys, defeat: sshd("MaxSessions 0")),
        EffectCase(
            "RevokedKeys", .keysOff, saying: "revokedkeys /etc/ssh/revoked", with: keys,
            defeat: sshd("RevokedKeys /etc/ssh/revoked")),
        EffectCase(
            "ForceCommand", .forcedCommand, saying: "gets /bin/false", with: keys,
            defeat: sshd("ForceCommand /bin/false")),
        EffectCase(
            "AllowUsers from somewhere", .userLimited, saying: "allowusers pi@10.*", with: keys,
            defeat: sshd("AllowUsers pi@10.*")),
        EffectCase(
            "PubkeyAuthentication by port", .keysOff, saying: "/etc/ssh/sshd_config:", with: keys,
            defeat: sshd("Match LocalPort 22\nPubkeyAuthentication no")),
        EffectCase("no password to change", .accountExpired, saying: "/etc/shadow:1, third field", with: keys) {
            $0.file("/etc/shadow", "pi:*:0:0:99999:7:::\n", mode: 0o640)
        },
        EffectCase("an old password", .passwordMustChange, saying: "/etc/shadow:1, fifth field", with: keys) {
            $0.file("/etc/shadow", "pi:\(hash):19480:0:90:7:::\n", mode: 0o640)
        },
        EffectCase("sshd's command line", .keysOff, saying: "/etc/default/ssh:1", with: keys) {
            $0.file("/etc/default/ssh", "SSHD_OPTS=\"-o PubkeyAuthentication=no\"\n")
        },
        EffectCase("a unit of sshd", .keysOff, saying: "/etc/systemd/system/ssh.service.d/own.conf:3", with: keys) {
            $0.file(
                "/etc/systemd/system/ssh.service.d/own.conf",
                "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o PubkeyAuthentication=no\n")
        },
        EffectCase("another configuration", .keysOff, saying: "/etc/ssh/own:1: PubkeyAuthentication no", with: keys) {
            $0.file("/etc/default/ssh", "SSHD_OPTS=\"-f /etc/ssh/own\"\n")
            $0.file("/etc/ssh/own", "PubkeyAuthentication no\nUsePAM yes\n")
        },
        EffectCase(
            "other algorithms", .keyRefused, saying: "ssh-ed25519", with: keys,
            defeat: sshd("PubkeyAcceptedKeyTypes rsa-sha2-*")),
    ]

    static let passwordCases = [
        EffectCase("yescrypt", .passwordScheme, on: [.buster], saying: "yescrypt is nothing that buster's libcrypt") {
            $0.passwordHash = hash
        } change: {
            $0.passwordHash = "$y$j9T$saltsaltsalt$" + String(repeating: "a", count: 43)
        },
        EffectCase("hash in /etc/passwd", .passwordNotUsed, on: [.buster], saying: "/etc/passwd:1") {
            $0.passwordHash = hash
        } defeat: {
            $0.file("/etc/passwd", "pi:abJnggxhB/yWI:1000:1000:,,,:/home/pi:/bin/bash\n")
        },
        EffectCase("passwords on in Match", .passwordAccepted, saying: "/etc/ssh/sshd_config:") {
            $0.passwordLogin = false
        } defeat: {
            sshd("Match User pi\nPasswordAuthentication yes")(&$0)
        },
        EffectCase("passwords on by address", .passwordAccepted, saying: "in a Match block") {
            $0.passwordLogin = false
        } defeat: {
            sshd("Match Address 10.0.0.0/8\nPasswordAuthentication yes")(&$0)
        },
        EffectCase("passwords on by sshd's command line", .passwordAccepted, saying: "/etc/default/ssh:2") {
            $0.passwordLogin = false
        } defeat: {
            $0.file("/etc/default/ssh", "# -p 22\nSSHD_OPTS='-o PasswordAuthentication=yes'\n")
        },
        EffectCase("passwords off in Match", .passwordRefused, saying: "passwordauthentication no") {
            $0.passwordLogin = true
        } defeat: {
            sshd(
                "Match User pi\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                    + "ChallengeResponseAuthentication no")(&$0)
        },
    ]
}
