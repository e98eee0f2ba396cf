import TestSupport
import Testing

/// A controller's card from Raspberry Pi OS as it is published.
@Suite(.needs(BaseSpec.tools))
struct StockControllerBuildTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    @Test("is what verify and inspect take it for", arguments: ["bookworm", "trixie"])
    func built(release: String) async throws {
        let base = try await BaseSpec(release: release, kind: "stock").path()
        let built = try piforge.run("build", "--slot", "cnat", "--base", base, "--ssh", "--set", "user=pi")
        #expect(built.status == 0, "\(built.error)")
        #expect(built.error.contains("warning: cnat: the image has no clusterctrl, so nothing turns nodes on"))
        let verified = try piforge.run("verify", "cnat.img", "--slot", "cnat", "--ssh", "--set", "user=pi")
        #expect(verified.status == 0, "\(verified.error)")
        let told = try piforge.run("inspect", "cnat.img")
        #expect(!told.output.contains("error"), "\(told.output)")
        #expect(!told.output.contains("[role-"), "\(told.output)")
        let others = try piforge.run("build", "--slot", "p1", "--base", "cnat.img", "--output", "out")
        #expect(others.status == 65)
        #expect(
            others.error
                == """
                error: slot p1: could not make p1: the image is another kind of machine's already, as its \
                /etc/default/clusterctrl says
                hint:  use the image as it was downloaded

                """)
    }

    @Test("serves no nodes without cards") func netboot() async throws {
        let base = try await BaseSpec(release: "trixie", kind: "stock").path()
        let answer = try piforge.run(
            "build", "--slot", "cnat", "--with-netboot", "p1", "--base", base, "--output", "out")
        #expect(answer.status == 65, "\(answer.error)")
        #expect(answer.error.contains("booting nodes without /usr/bin/rpiboot"), "\(answer.error)")
        #expect(answer.error.contains("hint:  give the controller one of 8086's images"), "\(answer.error)")
    }
}
