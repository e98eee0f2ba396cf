import ArgumentParser
import Images
import Initramfs

struct NetbootInitramfsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "initramfs",
        abstract: "Make the initramfs with which nodes without cards find their root.",
        discussion: """
            Takes busybox, its libraries and the modules out of the image; nothing of it is run. One file for each \
            kernel that a Zero or Zero 2 W starts, named as config.txt expects.

              piforge netboot initramfs --base CNAT.img.xz --output boot/
            """)

    @Option(help: ArgumentHelp("The image that the nodes' system comes from.", valueName: "image"))
    var base: UserPath

    @Option(
        help: ArgumentHelp(
            "The image of the controller, whose rules the nodes must match; without it, those in the base image.",
            valueName: "image"))
    var controller: UserPath?

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write to.", valueName: "folder"))
    var output = UserPath(".")

    @Flag(help: "Replace existing files.")
    var force = false

    @OptionGroup var messages: MessageOptions

    @OptionGroup var progress: ProgressOptions

    @OptionGroup var cache: CacheOption

    func run() throws {
        try messages.apply()
        progress.apply()
        cache.apply()
        let files = try InitramfsBuilder.files(
            of: base.path, controller: controller?.path, cache: Environment.current.cache(),
            observe: { Terminal.shared.show($0) })
        Terminal.shared.clear()
        try OutputFolder.prepare(output.path)
        for file in files {
            let path = "\(output.path)/\(file.name)"
            let out = try OutputFile(path: path, mode: 0o644, replacing: force)
            try out.write(file.bytes.span.bytes, at: 0)
            try out.commit()
            Output.line("\(path)  \(file.bytes.count) bytes, for \(file.kernels.joined(separator: ", "))")
        }
    }
}
