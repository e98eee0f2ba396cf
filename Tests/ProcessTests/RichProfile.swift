import Foundation
import TestSupport

/// A profile that sets nearly everything, and the files that it names.
struct RichProfile {
    let folder: TemporaryFolder
    var path: String { folder.path + "/rich.yaml" }

    static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq5vlW3VjuHLvLA2OnyJbVPGu2uPFpC7Y0yPRhjDpVd admin@desk"
    static let hash =
        "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
    static let psk = "correct horse battery"
    static let token = "c29tZSBzd2FybSB0b2tlbg-not-for-others"
    /// What must never be printed or recorded.
    static let secrets = [hash, psk, token]

    static let blob = SeededBytes.make(count: 300_000)

    static let text = """
        version: 1
        cluster: rich
        domain: example.net
        defaults:
          ssh: true
          user: pi
          password_hash: "\(hash)"
          authorized_keys: ["\(key)"]
          password_login: false
          cgroups: true
          gpu_mem: 16
          time_zone: Europe/Berlin
          locale: de_DE.UTF-8
          keyboard: {layout: de, variant: nodeadkeys}
          wifi: {ssid: Home Net, psk_file: wifi.psk, country: DE}
          kernel_arguments: {set: [panic=10], remove: [quiet]}
          config: {disable_splash: 1, pi0: {dtoverlay: [disable-bt]}}
          hosts: {"192.168.1.10": [nas.example.net, nas]}
          units:
            enable: [hello.service]
            disable: [networking.service]
            mask: [nfs-kernel-server.service]
          files:
            - {content: "Welcome\\n", target: /etc/motd}
            - {source: tree, target: /opt/tree}
            - {source: blob, target: /srv/deep/er/blob, mode: "0640", owner: user, group: user}
            - {source: hello.service, target: /etc/systemd/system/hello.service}
            - {content: "long names live on FAT\\n", target: /Notes about this card.txt, partition: boot}
            - {source: blob, target: /more/blob.bin, partition: boot}
            - {link: ../run/nothing, target: /etc/nothing}
            - {directory: true, target: /srv/empty, mode: "0750"}
            - {source: token, target: /etc/token, mode: "0600", secret: true}
        slots:
          p3: {hostname: tealc}
          p252: {hostname: far, gpu_mem: 32}
          cnat: {hostname: hammond}
          cbridge:
        """

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path
        try FileManager.default.createDirectory(atPath: path + "/tree/sub", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: path + "/tree/sub/up", withDestinationPath: "../a.txt")
        func write(_ name: String, _ text: String) throws { try Shell.write(Array(text.utf8), to: path + "/" + name) }
        try write("rich.yaml", Self.text)
        try write("wifi.psk", Self.psk + "\n")
        try write("token", Self.token)
        try write("tree/a.txt", "a\n")
        try write("tree/run", "#!/bin/sh\n")
        chmod(path + "/tree/run", 0o755)
        try Shell.write(Self.blob, to: path + "/blob")
        try write(
            "hello.service",
            "[Unit]\nDescription=Hello\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    }

    private enum SeededBytes {
        static func make(count: Int) -> [UInt8] {
            var generator = SeededGenerator(seed: 7)
            return generator.bytes(count)
        }
    }
}
