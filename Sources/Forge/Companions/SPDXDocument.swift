import Images

/// What an image consists of, in SPDX 2.3 (spdx.github.io/spdx-spec/v2.3): the image, its base, and every package that
/// dpkg calls installed on its root partition.
///
/// The names are SPDX'. Nothing in it depends on the time or the machine of the build.
struct SPDXDocument: Encodable, Equatable {
    var creationInfo: CreationInfo
    var dataLicense = "CC0-1.0"
    var documentNamespace: String
    var name: String
    var packages: [Package]
    var relationships: [Relationship]
    var spdxID = "SPDXRef-DOCUMENT"
    var spdxVersion = "SPDX-2.3"

    enum CodingKeys: String, CodingKey {
        case creationInfo, dataLicense, documentNamespace, name, packages, relationships, spdxVersion
        case spdxID = "SPDXID"
    }

    struct CreationInfo: Encodable, Equatable {
        var created: String
        var creators: [String]
    }

    struct Package: Encodable, Equatable {
        var checksums: [Checksum]?
        var copyrightText = "NOASSERTION"
        var downloadLocation = "NOASSERTION"
        var externalRefs: [Reference]?
        var filesAnalyzed = false
        var licenseConcluded = "NOASSERTION"
        var licenseDeclared = "NOASSERTION"
        var name: String
        var packageFileName: String?
        var primaryPackagePurpose: String?
        var sourceInfo: String?
        var spdxID: String
        var supplier = "NOASSERTION"
        var versionInfo: String?

        enum CodingKeys: String, CodingKey {
            case checksums, copyrightText, downloadLocation, externalRefs, filesAnalyzed, licenseConcluded,
                licenseDeclared, name, packageFileName, primaryPackagePurpose, sourceInfo, supplier, versionInfo
            case spdxID = "SPDXID"
        }
    }

    struct Checksum: Encodable, Equatable {
        var algorithm = "SHA256"
        var checksumValue: String
    }

    struct Reference: Encodable, Equatable {
        var referenceCategory = "PACKAGE-MANAGER"
        var referenceLocator: String
        var referenceType = "purl"
    }

    struct Relationship: Encodable, Equatable {
        var relatedSpdxElement: String
        var relationshipType: String
        var spdxElementId: String
    }
}

extension SPDXDocument {
    private static let image = "SPDXRef-Image"
    private static let base = "SPDXRef-Base"

    /// Of a finished image, whose digests are in the manifest; `created` is in seconds since 1970-01-01 UTC.
    init(of manifest: Manifest, software: SystemSoftware, created: String) {
        let file = manifest.output.file
        creationInfo = .init(created: created, creators: ["Tool: \(manifest.tool.name)-\(manifest.tool.version)"])
        documentNamespace = "urn:piforge:spdx:image:\(manifest.output.sha256)"
        name = file
        packages = [
            Package(
                checksums: [.init(checksumValue: manifest.output.sha256)], name: file, packageFileName: file,
                primaryPackagePurpose: "OPERATING_SYSTEM", spdxID: Self.image),
            Package(
                checksums: [.init(checksumValue: manifest.base.sha256)], name: manifest.base.file,
                packageFileName: manifest.base.file, primaryPackagePurpose: "OPERATING_SYSTEM", spdxID: Self.base),
        ]
        relationships = [
            .init(relatedSpdxElement: Self.image, relationshipType: "DESCRIBES", spdxElementId: "SPDXRef-DOCUMENT"),
            .init(relatedSpdxElement: Self.base, relationshipType: "DESCENDANT_OF", spdxElementId: Self.image),
        ]
        var used: Set<String> = []
        for package in software.packages {
            var id = "SPDXRef-Package-" + Self.identifier(package.name) + "-" + Self.identifier(package.architecture)
            // Only a damaged status file has one twice.
            while !used.insert(id).inserted { id += "-again" }
            packages.append(Package(package, of: software, id: id))
            relationships.append(
                .init(relatedSpdxElement: id, relationshipType: "CONTAINS", spdxElementId: Self.image))
        }
    }

    /// Letters, digits, `.` and `-` are all that an identifier may have (section 7.2); Debian's names also have `+`.
    private static func identifier(_ text: String) -> String {
        String(text.map { $0 == "+" ? "." : $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" })
    }
}

extension SPDXDocument.Package {
    fileprivate init(_ package: InstalledPackage, of software: SystemSoftware, id: String) {
        let distribution = software.distribution ?? "debian"
        // package-url's rules for deb: https://github.com/package-url/purl-spec
        var locator = "pkg:deb/\(distribution.percentEncoded)/\(package.name.lowercased().percentEncoded)"
        locator += "@\(package.version.percentEncoded)?arch=\(package.architecture.percentEncoded)"
        if let release = software.release { locator += "&distro=\("\(distribution)-\(release)".percentEncoded)" }
        self.init(
            externalRefs: [.init(referenceLocator: locator)], name: package.name,
            sourceInfo: package.source.map { "built from the source package \($0)" }, spdxID: id,
            versionInfo: package.version)
    }
}

extension String {
    /// All bytes except the unreserved ones of RFC 3986 as `%41`; slashes stay with `keepingSlashes`.
    func percentEncoded(keepingSlashes: Bool) -> String {
        var result = ""
        for byte in utf8 {
            switch byte {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepingSlashes: result += "/"
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    var percentEncoded: String { percentEncoded(keepingSlashes: false) }
}
