import Plans

/// The text of an inventory for Ansible, with a group for the controller, one for the nodes and one for both.
struct AnsibleInventory {
    let roster: Roster

    var text: String {
        let users = Set(roster.machines.map(\.user))
        let common = users.count == 1 ? users.first : nil
        return HandoffDocument.firstLine(roster)
            + group("clusterctrl_server", roster.machines.filter(\.slot.isController), commonUser: common)
            + group("clusterctrl_nodes", roster.machines.filter(\.slot.isNode), commonUser: common)
                + """
                [clusterctrl:children]
                clusterctrl_server
                clusterctrl_nodes

                [clusterctrl:vars]

                """
            + (common.map { "ansible_user=\($0)\n" } ?? "")
                // The inventory's own folder, so that it works from any other.
                + """
                ansible_python_interpreter=/usr/bin/python3
                ansible_ssh_common_args=-F "{{ inventory_dir }}/ssh_config"

                """
    }

    private func group(_ name: String, _ machines: [Roster.Machine], commonUser: String?) -> String {
        let lines = machines.map { machine in
            "\(machine.hostname) slot=\(machine.slot) address=\(machine.address)"
                + (commonUser == nil ? " ansible_user=\(machine.user)" : "") + "\n"
        }
        return "[\(name)]\n" + lines.joined() + "\n"
    }
}
