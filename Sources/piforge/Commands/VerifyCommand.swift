import ArgumentParser
import Forge
import Reports

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that an image or a netboot tree is what the profile asks for.",
        discussion: """
            Exits 0 when nothing would have to change in it, 1 when something would, and lists each difference.

              piforge verify sg1-p3.img --slot p3
              piforge verify sg1-p3.tar --slot p3
              piforge verify /var/lib/clusterctrl/nfs/p3 --slot p3
            """)

    @Argument(help: ArgumentHelp("The image or tar, packed or not, or a tree's folder.", valueName: "image"))
    var image: String

    @OptionGroup var options: SettingsOptions

    @OptionGroup var progress: ProgressOptions

    func run() throws {
        options.answer.apply()
        progress.apply()
        let environment = Environment.current
        let request = try options.request(in: environment)
        let jobs = request.jobs
        guard let job = jobs.first, jobs.count == 1 else {
            throw ForgeError(.usage, "could not verify \(image): it can be only one slot", hint: "--slot p3")
        }
        let differences = try BuildSpec.verify(
            image, is: job, of: request.profile?.cluster, cache: environment.cache(),
            observe: { Terminal.shared.show($0) })
        Terminal.shared.finish()
        if options.answer.json {
            try Output.json(
                VerifyDocument(
                    differences: differences, image: image, matches: differences.isEmpty, slot: job.slot.name))
        } else if differences.isEmpty {
            Output.line("\(image) is what slot \(job.slot) asks for")
        } else {
            for line in differences.flatMap(\.lines) { Output.line(line) }
        }
        guard differences.isEmpty else {
            throw ForgeError(
                .difference, "\(image) is not what slot \(job.slot) asks for: \(differences.count) differences",
                hint: "piforge build --slot \(job.slot) makes it anew")
        }
    }
}

private struct VerifyDocument: Encodable {
    var differences: [ChangeReport]
    var image: String
    var matches: Bool
    var slot: String
}
