import Identity
import Images
import Plans
import Reports
import Trees

/// Judges a machine's host key by its public half, for those who check an image and have not the cluster's secret.
enum HostKeyCheck {
    /// What is wrong with the key in `root`; empty when it is right, or when the settings decide all of it.
    ///
    /// A manifest beside `path` says what it should be; without one the two halves must belong together.
    static func differences(
        in root: any ReadableVolume, of settings: Settings, path: String?
    ) throws(ForgeError) -> [ChangeReport] {
        guard settings.identity == .withheld else { return [] }
        var manifest: OutputManifest?
        if let path { manifest = try .beside(path) }
        return try differences(in: root, expected: manifest?.manifest.identity)
    }

    static func differences(
        in root: any ReadableVolume, expected: Manifest.Machine?
    ) throws(ForgeError) -> [ChangeReport] {
        guard let text = try text(MachineIdentity.privatePath, in: root) else {
            return [report(MachineIdentity.privatePath, .create, "there is no host key")]
        }
        let key: HostKey
        do throws(IdentityError) {
            key = try HostKey(fileText: text)
        } catch {
            return [report(MachineIdentity.privatePath, .change, "the host key cannot be used: \(error.reason)")]
        }
        var reports: [ChangeReport] = []
        if try self.text(MachineIdentity.publicPath, in: root) != key.publicFileText {
            reports.append(report(MachineIdentity.publicPath, .change, "it is not the public half of the host key"))
        }
        guard let expected else { return reports }
        if key.publicKey.line != expected.hostKey {
            reports.append(
                report(
                    MachineIdentity.privatePath, .change,
                    "the host key is \(key.publicKey.fingerprint), the manifest says \(expected.fingerprint)"))
        }
        if let id = expected.machineID, try self.text("/etc/machine-id", in: root) != id + "\n" {
            reports.append(report("/etc/machine-id", .change, "the manifest says \(id)"))
        }
        return reports
    }

    private static func report(
        _ path: VolumePath, _ action: Manifest.Change.Action, _ reason: String
    ) -> ChangeReport {
        ChangeReport(action: action, partition: .root, path: path, reason: reason)
    }

    private static func text(_ path: VolumePath, in root: any ReadableVolume) throws(ForgeError) -> String? {
        try wrapping(on: .root) { () throws(VolumeError) in
            guard let status = try root.status(at: path), status.kind == .file, status.byteCount <= 1 << 16,
                case .file(let bytes)? = try root.node(at: path)?.content
            else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
