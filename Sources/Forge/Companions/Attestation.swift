import Blocks
import Glibc
import Images
import Reports

/// The two files beside an image that say what it consists of and what it was made from.
enum Attestation {
    static func paths(beside image: String) -> (parts: String, provenance: String) {
        (image + ".spdx.json", image + ".intoto.json")
    }

    static func checkReplaceable(beside image: String, replacing: Bool) throws(ForgeError) {
        let (parts, provenance) = paths(beside: image)
        for path in [parts, provenance] { try OutputFile.checkReplaceable(path, replacing: replacing) }
    }

    /// Takes away those of an older image, which must not lie beside a newer one.
    static func remove(beside image: String) {
        let (parts, provenance) = paths(beside: image)
        unlink(parts)
        unlink(provenance)
    }

    /// Writes both; `epoch` is SOURCE_DATE_EPOCH when it is set.
    static func write(
        beside image: String, of manifest: Manifest, software: SystemSoftware, format: String, epoch: Int64?,
        replacing: Bool
    ) throws(ForgeError) {
        let (partsPath, provenancePath) = paths(beside: image)
        let parts = try JSON.encode(
            SPDXDocument(of: manifest, software: software, created: timestamp(manifest.sourceDateEpoch)))
        let digest = SHA256.digest(of: parts.span.bytes).description
        let provenance = try JSON.encode(
            ProvenanceStatement(
                of: manifest, format: format, epoch: epoch,
                parts: .init(digest: ["sha256": digest], name: partsPath.fileName)))
        for (path, bytes) in [(partsPath, parts), (provenancePath, provenance)] {
            let file = try OutputFile(path: path, mode: 0o666, replacing: replacing)
            try file.write(bytes.span.bytes, at: 0)
            try file.commit()
        }
    }
}
