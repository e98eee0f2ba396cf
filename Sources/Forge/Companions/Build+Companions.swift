import Bases
import Images
import Reports

extension Build {
    /// What is found out about images, and written beside each, besides manifest and map.
    package struct Companions: Equatable, Sendable {
        /// Whether what an image consists of and was made from is written.
        var attestation: Bool
        /// Whether what is installed in it is read.
        var software: Bool
        /// Whether the digest that a packed image has unpacked is found.
        var rawDigest: Bool

        package init(attestation: Bool = false, software: Bool = false, rawDigest: Bool = false) {
            self.attestation = attestation
            self.software = software
            self.rawDigest = rawDigest
        }
    }

    private var isRaw: Bool { writer.pathExtension == OutputFormat.raw.rawValue }

    /// Finds what packed images are unpacked, before they are written; raw ones are hashed on their way.
    func addRawDigests(to edits: inout [Edited], of base: BaseImage) throws(ForgeError) {
        guard companions.rawDigest, !isRaw, !edits.isEmpty else { return }
        let digests = try RawDigests.find(
            edits.map(\.patch), over: base.reader, name: spec.base.path.fileName, observe: observe)
        for (index, digest) in digests.enumerated() { edits[index].manifest.output.rawSHA256 = digest.description }
    }

    func software(of image: @autoclosure () throws(ForgeError) -> SystemImage) throws(ForgeError) -> SystemSoftware? {
        companions.software ? try SystemSoftware(of: image().root) : nil
    }

    /// Completes what the manifest says of a finished image, and writes what else lies beside it.
    func describe(_ edit: Edited, _ written: WrittenImage, in manifest: inout Manifest) throws(ForgeError) {
        manifest.output.rawBytes = isRaw ? written.byteCount : edit.patch.byteCount
        if isRaw { manifest.output.rawSHA256 = manifest.output.sha256 }
        guard companions.attestation, let software = edit.software else { return }
        try Attestation.write(
            beside: paths(for: edit.slot).image, of: manifest, software: software, format: writer.pathExtension,
            epoch: spec.epoch, replacing: isReplacing(edit.slot))
    }
}
