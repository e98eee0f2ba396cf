import ArgumentParser
import Reports

/// Every JSON document that piforge prints or writes, each with a schema of its own: `piforge schema NAME`, docs/schemas.
enum Document: String, CaseIterable, ExpressibleByArgument, Sendable {
    case build, plan, verify, manifest
    case cards, devices, identify, inspect, repair
    case netboot
    case netbootInstall = "netboot-install"
    case netbootLint = "netboot-lint"
    case identity
    case identityNew = "identity-new"
    case handoff, status
    case fetch
    case cache
    case cachePrune = "cache-prune"
    case report
    case doctor, error

    /// Goes up when a field goes, or means something else.
    var version: Int { 1 }

    /// What the document says of itself in `schema`.
    var name: String { "piforge/\(rawValue)/\(version)" }

    /// The text of `docs/schemas/NAME.schema.json`.
    func schema() throws(ForgeError) -> String {
        String(decoding: try JSON.encode(Definition(document: self)), as: UTF8.self)
    }

    private struct Definition: Encodable {
        let document: Document

        private enum CodingKeys: String, CodingKey {
            case dialect = "$schema"
            case title, description
        }

        func encode(to encoder: any Encoder) throws {
            try document.shape.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode("https://json-schema.org/draft/2020-12/schema", forKey: .dialect)
            try container.encode(document.name, forKey: .title)
            try container.encode(document.summary, forKey: .description)
        }
    }

    /// An object with these fields and the name of its schema.
    func titled(_ fields: [Shape.Field]) -> Shape {
        .object([.always("schema", .constant(name), "Which document this is, and of which version.")] + fields)
    }

    /// Where it comes from.
    var summary: String {
        switch self {
        case .build: "What build --json prints."
        case .plan: "What plan --json prints."
        case .verify: "What verify --json prints: of one file its result, of several a list."
        case .manifest: "What lies beside an image or a tree: what it was made from, and what was changed."
        case .cards: "What flash --json and build --device --json print."
        case .devices: "What devices --json prints."
        case .identify: "What identify --json prints."
        case .inspect: "What inspect --json prints."
        case .repair: "What repair --json prints."
        case .netboot: "What netboot --json prints."
        case .netbootInstall: "What netboot install --json prints."
        case .netbootLint: "What netboot lint --json prints."
        case .identity: "What identity --json prints; nothing in it is secret."
        case .identityNew: "What identity new --json prints."
        case .handoff: "What handoff --json prints."
        case .status: "What status --json prints."
        case .fetch: "What fetch --json prints."
        case .cache: "What cache --json prints."
        case .cachePrune: "What cache prune --json prints."
        case .report: "What report --json prints."
        case .doctor: "What doctor --json prints."
        case .error: "What every command prints with --json instead of its result when it fails."
        }
    }

    var shape: Shape {
        switch self {
        case .build, .plan, .verify, .manifest, .netboot, .netbootInstall, .netbootLint: imageShape
        case .inspect: inspectShape
        default: otherShape
        }
    }
}
