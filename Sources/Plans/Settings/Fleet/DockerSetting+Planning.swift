import Payload
import Readers
import Trees

extension Planner {
    mutating func planDocker() throws(PlanError) {
        guard let docker = settings.docker else { return }
        try checkEngine(docker)
        try planDaemonFile(docker)
        for unit in DockerSetting.units {
            guard let file = facts.unitFile(unit), !UnitInstall(file.text).isEmpty else { continue }
            try enable([unit])
        }
        if let size = docker.data {
            try install(DockerData.programs(size: size), reason: "docker.data: /var/lib/docker of \(size)")
        }
        if slot == .cbridge {
            // dockerd that has to turn forwarding on drops what is forwarded, frames between the ports of br0 among it.
            try put(
                DockerSetting.forwardingFile, text: "net.ipv4.ip_forward=1\n",
                reason: "docker: a bridge whose frames Docker leaves alone")
        }
    }

    private func checkEngine(_ docker: Settings.Docker) throws(PlanError) {
        let isThere = DockerSetting.engines.contains { facts.exists(.root, $0) }
        guard isThere || settings.bringsDocker else {
            throw .unmet(
                "could not set Docker up: the image has no dockerd, and no package of the profile brings one",
                hint: "debs: [FOLDER] with docker.io and what it needs; packages: [docker.io]; or a base that has it")
        }
        if medium == .netboot, docker.data == nil {
            throw .unmet(
                "could not set Docker up for a root over NFS: overlay2 does not work there",
                hint: "docker: {data: 8G} gives it a file system of its own")
        }
        guard docker.data != nil else { return }
        guard DockerSetting.makers.contains(where: { facts.exists(.root, $0) }) else {
            throw .missingInImage("/usr/sbin/mkfs.ext4", purpose: "give Docker a file system")
        }
        let others = ["data-root", "graph"].filter { name in docker.daemon.contains { $0.name == name } }
        if let other = others.first { throw .contradiction("docker.data", "docker.daemon.\(other)") }
    }

    private mutating func planDaemonFile(_ docker: Settings.Docker) throws(PlanError) {
        let path = DockerSetting.daemonFile
        guard var file = DaemonFile(base: facts.bytes(.root, path)) else {
            throw .unmet(
                "could not set Docker up: \(path) of the base is no object of JSON, and dockerd does not start with it",
                hint: "correct it in the base")
        }
        for member in docker.daemon { file[member.name] = member.value }
        let own = settings.addressing.address.flatMap { IPv4Network(around: $0.description) }
        let pool = settings.swarmPool
        file.complete(
            labels: [.init(name: "piforge.slot", value: slot.name)] + docker.labels,
            avoiding: [own, pool].compactMap { $0 })
        for (member, network) in file.networks {
            for taken in DaemonFile.clusterNetworks + [pool].compactMap({ $0 }) where network.overlaps(taken) {
                throw .contradiction(
                    "`\(member)` \(network) of \(path)",
                    taken == pool ? "swarm.pool \(taken)" : "the cluster's own \(taken)")
            }
        }
        if settings.belongsToSwarm, file["live-restore"] == .boolean(true) {
            throw .contradiction("`live-restore` of \(path)", "swarm, with which dockerd does not start then")
        }
        try put(path, text: file.text, reason: "docker: the engine's settings")
    }
}
