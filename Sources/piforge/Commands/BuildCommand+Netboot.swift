import Bases
import Forge
import Initramfs
import Reports

extension BuildCommand {
    /// Trees go into an image that is a file.
    func checkNoNetboot() throws(ForgeError) {
        try netbootLayout.refuseAlone()
        guard withNetboot == nil else {
            throw ForgeError(
                .usage,
                "could not put netboot trees onto \(device.first ?? targets.reader ?? ""): they go into an image file",
                hint:
                    "leave out \(device.isEmpty ? "--cards" : "--device"), and write the image afterwards with piforge flash"
            )
        }
    }

    /// What writes the images when nodes' trees go into them; nil without --with-netboot.
    func netbootSink(
        for spec: BuildSpec, in environment: Environment, cache: Cache, fetch: BaseFetch
    ) throws(ForgeError) -> NetbootImageWriter? {
        guard let withNetboot else {
            try netbootLayout.refuseAlone()
            return nil
        }
        let layout = try netbootLayout.chosen()
        if let job = spec.jobs.first(where: { !$0.slot.isController }) {
            throw ForgeError(
                .usage, "could not put netboot trees into the image of \(job.slot): only a controller serves them",
                hint: "add --slot cnat or --slot cbridge, and name the nodes in --with-netboot")
        }
        guard format == .raw, bmap != .always, engine == .builtin else {
            throw ForgeError(
                .usage, "could not put netboot trees into such an image: it is a raw one, edited in place",
                hint: "leave out --format, --bmap and --engine, and pack the image afterwards, say with xz -T0")
        }
        let trees = try settings.request(in: environment, others: withNetboot, allMeans: .nodes).spec(
            basePath: base?.path, epoch: environment.sourceDateEpoch(), fetch: fetch)
        if let job = trees.jobs.first(where: { !$0.slot.isNode }) {
            throw ForgeError(
                .usage, "could not make a netboot tree of \(job.slot): a controller boots from its card",
                hint: "name nodes: --with-netboot p1-p4")
        }
        return NetbootImageWriter(
            trees: trees, layout: layout, cache: cache, initramfs: NodeInitramfs(controllerRules: nil)
        ) { Output.note("note: \($0)") }
    }
}
