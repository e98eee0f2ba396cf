/// The memory cgroup, which container engines need and Raspberry Pi OS leaves off.
enum CgroupsSetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey(
            "cgroups", .boolean, "Add the kernel arguments that container engines need (memory cgroup).",
            example: "true", option: .init("Add the kernel arguments that Docker and Kubernetes need."))
    ]

    static let template = """

        # Memory cgroup for Docker, Podman and Kubernetes.
        cgroups: true
        """

    private static let arguments = ["cgroup_enable=cpuset", "cgroup_memory=1", "cgroup_enable=memory"]

    static func kernelLine(_ planner: Planner) -> KernelLineWish {
        switch planner.settings.cgroups {
        case true?:
            KernelLineWish(
                removals: ["memory", "cpuset"].map { .removeKernelListItem($0, key: "cgroup_disable") },
                arguments: arguments, reason: "container engines need the memory cgroup")
        case false?: KernelLineWish(removals: arguments.map { .removeKernelArgument($0) })
        case nil: KernelLineWish()
        }
    }

    /// Throws when an argument of the user's says the opposite.
    static func check(_ argument: String, _ settings: Settings) throws(PlanError) {
        switch settings.cgroups {
        case true? where KernelCommandLine.key(of: argument) == "cgroup_disable":
            let items = argument.split(separator: "=").last?.split(separator: ",") ?? []
            if let item = items.first(where: { $0 == "memory" || $0 == "cpuset" }) {
                throw .contradiction("cgroup_enable=\(item)", argument)
            }
        case false? where arguments.contains(argument): throw .contradiction("cgroups: false", argument)
        case true?, false?, nil: break
        }
    }
}

extension Settings {
    /// True adds the kernel arguments that container engines need.
    package var cgroups: Bool? {
        get { self[CgroupsSetting.self] }
        set { self[CgroupsSetting.self] = newValue }
    }
}
