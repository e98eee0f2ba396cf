import Plans
import Readers

/// Input: one byte for the version, sshd_config, and after each NUL a file of sshd_config.d.
func fuzzServer(_ input: [UInt8]) throws(BrokenClaim) {
    let versions = [
        ServerVersion(7, 4), ServerVersion(7, 9), ServerVersion(8, 4), ServerVersion(9, 2), ServerVersion(10, 0),
    ]
    guard let choice = input.first else { return }
    let text = repeated(Array(input.dropFirst()))
    let files = text.split(separator: 0, omittingEmptySubsequences: false).map { ImageFiles.lines(of: Array($0)) }
    let paths = files.indices.dropFirst().map { "/etc/ssh/sshd_config.d/\($0).conf" }
    let source = ServerConfiguration.Source<Never>(
        lines: { path in
            path == ServerConfiguration.path ? files.first : paths.firstIndex(of: path).map { files[$0 + 1] }
        },
        paths: { pattern in
            guard let glob = Glob(pattern) else { return [] }
            return glob.paths { folder in
                folder == "/etc/ssh/sshd_config.d" ? paths.map { String($0.split(separator: "/").last ?? "") } : []
            }
        })
    let configuration = ServerConfiguration(version: versions[Int(choice) % versions.count], from: source)
    _ = configuration.options(for: nil)
    _ = configuration.options(for: .init(user: "pi", groups: ["pi", "sudo"], address: "10.0.0.1"))
    try claimSettled(
        [.setServerOption("PasswordAuthentication", "no"), .setServerOption("PermitRootLogin", "no")], on: text)
}
