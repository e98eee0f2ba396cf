import Bases
import Blocks
import Glibc
import Images
package import Plans
import Reports

/// What this machine offers for a new profile: keys, base images, time zone and locale of whoever asks.
package struct ProfileSuggestions: Sendable {
    private let environment: [String: String]
    /// A folder that stands for `/` in tests.
    private let root: String

    package init(environment: [String: String], root: String = "") {
        self.environment = environment
        self.root = root
    }

    private var home: String? { environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } }

    // MARK: Keys

    /// Files in ~/.ssh that hold public keys, those of the best kind first, each as `~/.ssh/NAME`.
    package var keyFiles: [String] {
        guard let home, let names = FolderListing.names(in: home + "/.ssh") else { return [] }
        let kinds = ["ssh-ed25519", "sk-", "ecdsa-", "ssh-rsa"]
        let ranked = names.compactMap { name -> (rank: Int, path: String)? in
            guard name.hasSuffix(".pub"), let line = try? keyLines(ofFile: "\(home)/.ssh/\(name)").first else {
                return nil
            }
            return kinds.firstIndex { line.hasPrefix($0) }.map { ($0, "~/.ssh/\(name)") }
        }
        return ranked.sorted { $0 < $1 }.map(\.path)
    }

    /// The public keys in a file; throws for one that holds none, or a private one.
    package func keyLines(ofFile path: String) throws(Refusal) -> [String] {
        let bytes = try wrapping(
            RegularFile.bytes(of: path, limit: 1 << 20), as: { (error: ForgeError) in Refusal(error.message) })
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains("PRIVATE KEY") else {
            throw Refusal("\(path) is a private key: it must never leave your machine", hint: path + ".pub")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { String($0) }.filter { !$0.hasPrefix("#") }
        guard !lines.isEmpty else {
            throw Refusal("\(path) holds no public key", hint: "ssh-keygen -t ed25519 makes a pair")
        }
        for line in lines { try Validation.authorizedKey(line) }
        return lines
    }

    // MARK: Base images

    /// Images of 8086's that lie here, in images/ or in ~/Downloads, the newest of the best kind first.
    package func bases(for controller: ProfileDraft.Controller) -> [String] {
        let folders =
            [("", "."), ("images/", "images")] + (home.map { [("\($0)/Downloads/", "\($0)/Downloads")] } ?? [])
        let wanted = controller == .cbridge ? "CBRIDGE" : "CNAT"
        let found = folders.flatMap { start, folder in
            (FolderListing.names(in: folder) ?? []).filter(Self.isNameOfBase).map { (name: $0, path: start + $0) }
        }
        return found.sorted { a, b in
            let (isA, isB) = (a.name.contains(wanted), b.name.contains(wanted))
            return isA == isB ? a.name > b.name : isA
        }.map(\.path)
    }

    /// As 8086 names them: `2025-11-24-1-bookworm-ClusterCTRL-armhf-lite-CNAT.img.xz`.
    static func isNameOfBase(_ name: String) -> Bool {
        let endings = [".img", ".img.xz", ".img.gz", ".img.zst", ".img.bz2", ".zip"]
        return name.contains("ClusterCTRL") && endings.contains { name.hasSuffix($0) } && !name.contains("usbboot")
    }

    /// Throws for what is no image, by its first bytes.
    package func checkBase(_ path: String) throws(Refusal) {
        let hint = "8086's images are at dist.8086.net/clusterctrl"
        let head = try wrapping(
            RegularFile.bytes(of: path, limit: BaseFormat.headByteCount),
            as: { (error: ForgeError) in Refusal(error.message, hint: hint) })
        guard case .format = BaseFormat.recognize(head.span.bytes) else {
            throw Refusal("\(path) is no disk image", hint: hint)
        }
    }

    // MARK: Place and language

    /// The name below /usr/share/zoneinfo that /etc/localtime leads to.
    package var timeZone: String? {
        guard let target = realpath(root + "/etc/localtime", nil) else { return nil }
        defer { free(target) }
        let path = String(cString: target)
        guard let range = path.firstRange(of: "/zoneinfo/") else { return nil }
        let name = String(path[range.upperBound...])
        return (try? Validation.timeZone(name)) == nil ? nil : name
    }

    /// The locale that this process has, if a Pi can have it.
    package var locale: String? {
        let name = ["LC_ALL", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let spelled = name.replacing(".utf8", with: ".UTF-8")
        guard spelled.contains("_"), (try? Validation.locale(spelled)) != nil else { return nil }
        return spelled
    }

    /// The country of the locale.
    package var country: String? {
        let code = locale?.split(separator: "_").last?.prefix(2)
        return code.map { $0 == "UK" ? "GB" : String($0) }
    }
}
