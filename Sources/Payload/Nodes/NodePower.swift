/// A controller powers its nodes on when it starts, and has them shut down before it goes off.
package enum NodePower {
    /// A node of a controller, as /etc/piforge/nodes has it.
    package struct Node: Equatable, Sendable {
        package var slot: String
        /// Nil when nothing says that it stays the same; then nobody asks the node to shut down.
        package var address: String?
        /// By which the controller's known_hosts lists the node's key; nil when it does not.
        package var alias: String?

        package init(slot: String, address: String?, alias: String?) {
            self.slot = slot
            self.address = address
            self.alias = alias
        }
    }

    /// Where a controller lists its nodes.
    package static let listPath = "etc/piforge/nodes"

    package static func list(_ nodes: [Node]) -> String {
        nodes.map { node in
            guard let address = node.address, let alias = node.alias else { return "\(node.slot) - -\n" }
            return "\(node.slot) \(address) \(alias)\n"
        }.joined()
    }

    package static let controllerPrograms = [
        PiProgram.script("nodes-on", on), .script("nodes-off", off), .unit("piforge-nodes.service", unit),
    ]

    package static let nodePrograms = [PiProgram.script("node-power-off", powerOff)]

    /// What sshd of a node runs for its controller's key.
    package static let powerOffCommand = "/usr/local/lib/piforge/node-power-off"

    private static let unit = """
        [Unit]
        Description=Power on the nodes, one after the other
        After=clusterctrl-init.service clusterctrl-rpiboot.service nfs-server.service network.target

        [Service]
        # Not oneshot: a node that does not appear keeps no other unit waiting.
        Type=simple
        RemainAfterExit=yes
        ExecStart=/usr/local/lib/piforge/nodes-on
        ExecStop=/usr/local/lib/piforge/nodes-off
        TimeoutStopSec=200

        [Install]
        WantedBy=multi-user.target

        """

    private static let on = #"""
        #!/bin/sh
        # nodes-on: powers on the nodes that /etc/piforge/nodes lists, each when the one before it has shown up on USB,
        # for rpiboot loses nodes that start together. Never fails; who did not appear is in the journal.
        set -u
        patience=90

        is_linked() { # NUMBER
            [ -e "/sys/class/net/ethpi$1" ] || [ -e "/sys/class/net/ethupi$1" ]
        }

        power_on() { # SLOT
            number=${1#p} seconds=0
            # One that is on stays on.
            ! is_linked "$number" || return 0
            clusterctrl on "$1" </dev/null || { echo "could not power on $1" >&2; return 1; }
            until is_linked "$number"; do
                [ "$seconds" -lt "$patience" ] || { echo "$1 has not shown up within $patience s" >&2; return 1; }
                seconds=$((seconds + 1))
                sleep 1
            done
            echo "$1 is there after $seconds s"
        }

        missing=''
        while read -r slot _; do
            power_on "$slot" || missing="$missing $slot"
        done </etc/piforge/nodes
        [ -z "$missing" ] || echo "nodes that are not there:$missing" >&2
        exit 0

        """#

    private static let off = #"""
        #!/bin/sh
        # nodes-off: has the nodes shut down, and cuts the power of those that have. A node that does not answer, or that
        # nobody can ask, is left as it is. A controller that restarts leaves all of them running.
        set -u
        key=/etc/ssh/piforge/ssh_host_ed25519
        patience=90

        is_linked() { # SLOT
            [ -e "/sys/class/net/ethpi${1#p}" ] || [ -e "/sys/class/net/ethupi${1#p}" ]
        }

        is_restart() {
            systemctl list-jobs --no-legend 2>/dev/null | grep -Eq ' (reboot|kexec|soft-reboot)\.target '
        }

        ask() { # ADDRESS ALIAS
            timeout 30 ssh -F /dev/null -T -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=10 \
                -o StrictHostKeyChecking=yes -o HostKeyAlias="$2" -o UserKnownHostsFile=/etc/ssh/piforge/known_hosts \
                -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR "root@$1" power-off </dev/null
        }

        shut_down() { # SLOT ADDRESS ALIAS
            is_linked "$1" || return 0
            ask "$2" "$3" || { echo "$1 does not take orders: left as it is" >&2; return 0; }
            seconds=0
            while is_linked "$1"; do
                [ "$seconds" -lt "$patience" ] || { echo "$1 is still there after $patience s: left as it is" >&2; return 0; }
                seconds=$((seconds + 1))
                sleep 1
            done
            # The link goes before the last of the card is written.
            sleep 5
            clusterctrl off "$1" </dev/null || echo "could not cut the power of $1" >&2
        }

        ! is_restart || exit 0
        while read -r slot address alias; do
            [ "$address" != - ] || continue
            shut_down "$slot" "$address" "$alias" &
        done </etc/piforge/nodes
        wait
        exit 0

        """#

    private static let powerOff = #"""
        #!/bin/sh
        # node-power-off: what sshd runs for the controller's key.
        set -eu
        [ "${SSH_ORIGINAL_COMMAND:-}" = power-off ] || exit 64
        systemctl --no-block poweroff
        echo "$(hostname) shuts down"

        """#
}
