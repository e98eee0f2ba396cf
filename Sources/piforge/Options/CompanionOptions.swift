import ArgumentParser
import Forge
import Images
import Plans
import Reports

/// What `build` writes beside the images for others to read.
struct CompanionOptions: ParsableArguments {
    @Flag(help: "Also write DIR/SHA256SUMS, by which sha256sum -c checks the images.")
    var sha256sums = false

    @Flag(
        help: """
            Also write what each image consists of (IMAGE.spdx.json, SPDX 2.3) and was made from (IMAGE.intoto.json, in-toto \
            with SLSA provenance 1).
            """)
    var attest = false

    @Flag(
        help: """
            Also write DIR/CLUSTER.rpi-imager-manifest, with which Raspberry Pi Imager lists, checks and writes the images; \
            finds their digests unpacked as with --raw-digest.
            """)
    var imagerList = false

    @Option(
        help: ArgumentHelp(
            "Where people will download the images that --imager-list lists, instead of where they lie here.",
            valueName: "url"))
    var imagerUrl: String?

    @Flag(help: "Note in the manifest the digest that a packed image has unpacked; decodes the base once.")
    var rawDigest = false

    /// The first option that means nothing without image files.
    var firstForFiles: String? {
        if sha256sums { return "--sha256sums" }
        if attest { return "--attest" }
        if imagerList { return "--imager-list" }
        return rawDigest ? "--raw-digest" : nil
    }

    var wanted: Build.Companions {
        Build.Companions(attestation: attest, software: attest || imagerList, rawDigest: rawDigest || imagerList)
    }

    /// What is written when all images are there; throws, before anything slow, when it must not be.
    /// `mayBeSame`: checksums that are there already may be those of this run.
    func files(
        for request: Request, in folder: String, replacing: Bool, mayBeSame: Bool
    ) throws(ForgeError) -> CompanionFiles {
        if let imagerUrl {
            guard imagerList else {
                throw ForgeError(
                    .usage, "could not use --imager-url: no list for Imager is written", hint: "add --imager-list")
            }
            let isURL = imagerUrl.utf8.allSatisfy { (0x21..<0x7F).contains($0) } && imagerUrl.contains("://")
            guard isURL else {
                throw ForgeError(
                    .usage, "could not use --imager-url \(imagerUrl): it is no URL",
                    hint: "--imager-url https://example.org/sg1/")
            }
        }
        let names = request.jobs.reduce(into: [:]) { $0[$1.slot] = $1.settings.hostname }
        return CompanionFiles(
            checksums: sha256sums ? try ChecksumFile(in: folder, replacing: replacing, mayBeSame: mayBeSame) : nil,
            imagerList: imagerList
                ? try ImagerListFile(
                    in: folder, cluster: request.profile?.cluster, hostNames: names, prefix: imagerUrl,
                    replacing: replacing) : nil)
    }
}

/// The files about all images of a run.
struct CompanionFiles {
    let checksums: ChecksumFile?
    let imagerList: ImagerListFile?

    /// `results` in the order of the slots.
    func write(_ results: [Build.Result]) throws(ForgeError) {
        try checksums?.write(results)
        try imagerList?.write(results)
    }
}
