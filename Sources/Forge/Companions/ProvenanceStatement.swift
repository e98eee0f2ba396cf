import Images
import Plans
import Reports

/// What an image was made from and by what: an in-toto statement (in-toto.io/Statement/v1) with SLSA's provenance
/// (slsa.dev/provenance/v1) as its predicate. It is not signed; `cosign attest-blob` and the like do that.
///
/// Like the manifest it has no digest of the profile, from which a password in it could be guessed, but one of the slot's
/// settings without secrets.
struct ProvenanceStatement: Encodable, Equatable {
    var type = "https://in-toto.io/Statement/v1"
    var predicate: Predicate
    var predicateType = "https://slsa.dev/provenance/v1"
    var subject: [Resource]

    enum CodingKeys: String, CodingKey {
        case predicate, predicateType, subject
        case type = "_type"
    }

    /// Something by its digest (in-toto's ResourceDescriptor).
    struct Resource: Encodable, Equatable {
        var digest: [String: String]?
        var name: String?
        var uri: String?
    }

    struct Predicate: Encodable, Equatable {
        var buildDefinition: Definition
        var runDetails: Run
    }

    struct Definition: Encodable, Equatable {
        var buildType = "urn:piforge:build:1"
        var externalParameters: Parameters
        var internalParameters: Internals
        var resolvedDependencies: [Resource]
    }

    struct Parameters: Encodable, Equatable {
        var cluster: String?
        var format: String
        var settings: String?
        var slot: String
    }

    struct Internals: Encodable, Equatable {
        var engine: String
        var plan: String
        var reproducible: Bool
        var sourceDateEpoch: Int64
    }

    struct Run: Encodable, Equatable {
        var builder: Builder
        var byproducts: [Resource]
        var metadata: Metadata?
    }

    struct Builder: Encodable, Equatable {
        var id: String
        var version: [String: String]
    }

    struct Metadata: Encodable, Equatable {
        var finishedOn: String
        var startedOn: String
    }
}

extension ProvenanceStatement {
    /// Of a finished image. `epoch` is SOURCE_DATE_EPOCH: only then a time is in it. `parts` is the list of parts beside
    /// the image, with its digest.
    init(of manifest: Manifest, format: String, epoch: Int64?, parts: Resource) {
        var subject = [Resource(digest: ["sha256": manifest.output.sha256], name: manifest.output.file)]
        if let raw = manifest.output.rawSHA256, raw != manifest.output.sha256, let file = manifest.output.rawFile {
            subject.append(Resource(digest: ["sha256": raw], name: file))
        }
        self.subject = subject
        let tool = manifest.tool
        predicate = Predicate(
            buildDefinition: Definition(
                externalParameters: Parameters(
                    cluster: manifest.cluster, format: format, settings: manifest.settings, slot: manifest.slot),
                internalParameters: Internals(
                    engine: manifest.engine.rawValue, plan: manifest.plan, reproducible: manifest.reproducible,
                    sourceDateEpoch: manifest.sourceDateEpoch),
                resolvedDependencies: [
                    Resource(digest: ["sha256": manifest.base.sha256], name: manifest.base.file),
                    Resource(name: tool.name, uri: "pkg:generic/\(tool.name)@\(tool.version.percentEncoded)"),
                ]),
            runDetails: Run(
                builder: Builder(id: "urn:piforge:builder", version: [tool.name: tool.version]), byproducts: [parts],
                metadata: epoch.map { Metadata(finishedOn: timestamp($0), startedOn: timestamp($0)) }))
    }
}

extension Manifest.Output {
    /// What the image is called when it is unpacked; nil for what is not packed.
    var rawFile: String? {
        OutputFormat.allCases.map(\.rawValue).first { $0 != "img" && file.hasSuffix("." + $0) }.map {
            file.dropLast($0.count) + "img"
        }
    }
}
