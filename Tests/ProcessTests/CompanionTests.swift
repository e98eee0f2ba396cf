import Foundation
import TestSupport
import Testing

/// What lies beside images for others: parts, provenance, a list for Raspberry Pi Imager.
@Suite(.needs(BaseSpec.tools + ["sh", "python3", "sha256sum", "xz"]))
struct CompanionTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
        let profile = """
            version: 1
            cluster: sg1
            defaults: {files: [{source: status, target: /var/lib/dpkg/status}]}
            slots: {cnat: {hostname: hammond}, p3: {hostname: tealc}}

            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/piforge.yaml")
        try Shell.write(Array(Self.status.utf8), to: folder.path + "/status")
    }

    /// Names, versions and states as Debian has them, and a package that is there twice.
    private static let status = """
        Package: libstdc++6
        Status: install ok installed
        Architecture: armhf
        Source: gcc-12 (12.2.0-14)
        Version: 1:12.2.0-14+rpi1~deb12u1

        Package: gone
        Status: deinstall ok config-files
        Architecture: armhf
        Version: 1

        Package: adduser
        Status: install ok installed
        Architecture: all
        Version: 3.134

        Package: adduser
        Status: install ok installed
        Architecture: all
        Version: 3.134

        """

    private func build(_ options: String..., base: String? = nil, epoch: String = "") async throws -> Piforge.Answer {
        let base = if let base { base } else { try await BaseSpec.plain.path() }
        return try piforge.run(["build", "--base", base] + options, environment: ["SOURCE_DATE_EPOCH": epoch])
    }

    /// What a script of Python's prints, which runs in the folder; `python` is Debian's or one with more modules.
    private func python(_ script: String, _ python: String = "python3") throws -> String {
        let answer = try Shell.run("env", ["-C", folder.path, python, "-c", script])
        #expect(answer.status == 0, "\(answer.error)")
        return answer.output
    }

    private static let validators = Repository.path + "/.build/validators"

    private static func requireValidators() throws {
        try ToolsTrait.require(
            FileManager.default.isExecutableFile(atPath: validators + "/bin/python3"), of: .machine,
            "there are no validators: scripts/setup --validators")
    }

    @Test("the digests are those of the files, packed and unpacked, and the parts are the image's own packages")
    func content() async throws {
        let made = try await build("--output", "out", "--format", "img.xz", "--attest", "--imager-list")
        #expect(made.status == 0, "\(made.error)")
        let found = try python(
            """
            import json, hashlib, lzma
            sha = lambda b: hashlib.sha256(b).hexdigest()
            imager = json.load(open('out/sg1.rpi-imager-manifest'))
            print([d['name'] for d in imager['imager']['devices']])
            for entry, slot in zip(imager['os_list'], ['cnat', 'p3']):
                name = 'out/sg1-%s.img.xz' % slot
                packed = open(name, 'rb').read()
                raw = lzma.decompress(packed)
                manifest = json.load(open('out/sg1-%s.manifest.json' % slot))['output']
                print(slot, manifest['raw_bytes'] == len(raw), manifest['raw_sha256'] == sha(raw),
                    manifest['sha256'] == sha(packed))
                print(entry['extract_size'] == len(raw), entry['extract_sha256'] == sha(raw),
                    entry['image_download_size'] == len(packed), entry['image_download_sha256'] == sha(packed))
                print(entry['name'], entry['init_format'], entry['release_date'], entry['architecture'],
                    entry['devices'], entry['url'].startswith('file:///') and entry['url'].endswith('/' + name))
                statement = json.load(open(name + '.intoto.json'))
                print([(s['name'], s['digest']['sha256'] in (sha(packed), sha(raw))) for s in statement['subject']])
                print(statement['predicate']['runDetails']['byproducts'][0]['digest']['sha256']
                    == sha(open(name + '.spdx.json', 'rb').read()), 'metadata' in statement['predicate']['runDetails'])
                parts = json.load(open(name + '.spdx.json'))
                print(parts['packages'][0]['checksums'][0]['checksumValue'] == sha(packed))
                for part in parts['packages'][2:]:
                    print(part['SPDXID'], part['versionInfo'], part['externalRefs'][0]['referenceLocator'])
            """)
        func slot(_ name: String, _ entry: String) -> String {
            """
            \(name) True True True
            True True True True
            \(entry) True
            [('sg1-\(name).img.xz', True), ('sg1-\(name).img', True)]
            True False
            True
            SPDXRef-Package-adduser-all 3.134 pkg:deb/raspbian/adduser@3.134?arch=all&distro=raspbian-12
            SPDXRef-Package-adduser-all-again 3.134 pkg:deb/raspbian/adduser@3.134?arch=all&distro=raspbian-12
            SPDXRef-Package-libstdc..6-armhf 1:12.2.0-14+rpi1~deb12u1 \
            pkg:deb/raspbian/libstdc%2B%2B6@1%3A12.2.0-14%2Brpi1~deb12u1?arch=armhf&distro=raspbian-12

            """
        }
        let boards = (1...5).map { "'pi\($0)-32bit'" }.joined(separator: ", ")
        #expect(
            found == "['ClusterHAT node', 'ClusterHAT controller']\n"
                + slot("cnat", "hammond (cnat) none 2023-11-14 armhf ['clusterhat-controller', \(boards)]")
                + slot("p3", "tealc (p3) none 2023-11-14 armhf ['clusterhat-node', 'pi1-32bit', 'pi3-32bit']"))
    }

    @Test("the formats' own validators accept them", .needs("env")) func validators() async throws {
        try Self.requireValidators()
        let made = try await build(
            "--slot", "p3", "--attest", "--imager-list", "--imager-url", "https://example.org/sg1", epoch: "1700000001")
        #expect(made.status == 0, "\(made.error)")
        let parts = try Shell.run(Self.validators + "/bin/pyspdxtools", ["-i", folder.path + "/sg1-p3.img.spdx.json"])
        #expect(parts.status == 0 && parts.error == "", "\(parts.error)")
        let statement = try python(
            """
            import json
            from google.protobuf import json_format
            import in_toto_attestation.v1.statement as statement
            import in_toto_attestation.v1.statement_pb2 as statement_pb2
            import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as provenance_pb2
            text = open('sg1-p3.img.intoto.json').read()
            statement.Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
            print(json_format.ParseDict(json.loads(text)['predicate'], provenance_pb2.Provenance())
                .run_details.metadata.started_on.ToJsonString())
            """, Self.validators + "/bin/python3")
        #expect(statement == "2023-11-14T22:13:21Z\n")
        // Imager's own schema, which scripts/setup fetches; it is not ours to keep.
        let schema = Self.validators + "/os-list-schema.json"
        try ToolsTrait.require(
            FileManager.default.fileExists(atPath: schema), of: .machine, "Imager's schema is not there")
        let list = try Shell.run(
            Self.validators + "/bin/check-jsonschema",
            ["--schemafile", schema, folder.path + "/sg1.rpi-imager-manifest"])
        #expect(list.status == 0, "\(list.output)")
        #expect(
            try python("import json; print(json.load(open('sg1.rpi-imager-manifest'))['os_list'][0]['url'])")
                == "https://example.org/sg1/sg1-p3.img\n")
    }

    @Test("equal builds have equal companions, and an older image's never lie beside a newer one")
    func reproducible() async throws {
        for output in ["a", "b"] {
            let made = try await build("--slot", "p3", "--output", output, "--attest")
            #expect(made.status == 0, "\(made.error)")
        }
        for ending in ["spdx.json", "intoto.json"] {
            #expect(try Shell.run("cmp", ["a", "b"].map { folder.path + "/\($0)/sg1-p3.img.\(ending)" }).status == 0)
        }
        let refused = try await build("--slot", "p3", "--output", "a", "--attest")
        #expect(refused.status == 73)
        let names = { try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a").sorted() }
        #expect(try names().filter { $0.hasSuffix("json") }.count == 3)
        let again = try await build("--slot", "p3", "--output", "a", "--force")
        #expect(again.status == 0)
        #expect(try names() == ["sg1-p3.img", "sg1-p3.img.bmap", "sg1-p3.manifest.json"])
    }

    @Test("what is for files is refused where a card is written")
    func cards() async throws {
        for option in ["--attest", "--imager-list", "--sha256sums", "--raw-digest"] {
            let answer = try await build("--slot", "p3", "--device", "/dev/null", option)
            #expect(answer.status == 64)
            #expect(
                answer.error.hasPrefix("error: could not write to /dev/null: \(option) is for files\n"),
                "\(answer.error)")
        }
        let lonely = try await build("--slot", "p3", "--imager-url", "https://example.org")
        #expect(lonely.status == 64)
        #expect(lonely.error.hasSuffix("hint:  add --imager-list\n"), "\(lonely.error)")
    }
}
