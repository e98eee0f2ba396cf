/// Programs by which a controller makes a swarm and its nodes join it.
///
/// A node asks, the controller answers, over ssh with both ends' own host keys; no token lies on any card.
package enum SwarmPrograms {
    /// Where scripts and people find what the swarm is; `KEY=value` lines.
    package static let configurationPath = "etc/piforge/swarm/swarm.conf"

    package static let manager = [
        PiProgram.script("swarm-manager", managerScript), .script("swarm-deploy", deployScript),
        .script("swarm-ticket", ticketScript), .unit("piforge-swarm.service", managerUnit),
    ]

    package static let worker = [
        PiProgram.script("swarm-join", joinScript), .unit("piforge-swarm.service", workerUnit),
        .unit("piforge-swarm.timer", workerTimer),
    ]

    /// What sshd of the controller runs for the key of a slot.
    package static func ticketCommand(of slot: String) -> String { "/usr/local/lib/piforge/swarm-ticket \(slot)" }

    // Type=simple, as systemd of buster restarts no oneshot that fails.

    private static let managerUnit = """
        [Unit]
        Description=The swarm of this cluster, with its networks, secrets and stacks
        Wants=docker.service
        After=docker.service network.target piforge-packages.service piforge-first-boot.service
        StartLimitIntervalSec=0

        [Service]
        Type=simple
        ExecStart=/usr/local/lib/piforge/swarm-manager
        Restart=on-failure
        RestartSec=15

        [Install]
        WantedBy=multi-user.target

        """

    private static let workerUnit = """
        [Unit]
        Description=Belong to the swarm of this cluster
        Wants=docker.service
        After=docker.service network.target piforge-packages.service piforge-first-boot.service
        StartLimitIntervalSec=0

        [Service]
        Type=simple
        ExecStart=/usr/local/lib/piforge/swarm-join
        Restart=on-failure
        RestartSec=15

        [Install]
        WantedBy=multi-user.target

        """

    private static let workerTimer = """
        [Unit]
        Description=Ask now and then whether the swarm still knows this node

        [Timer]
        OnUnitInactiveSec=15min
        RandomizedDelaySec=1min

        [Install]
        WantedBy=timers.target

        """

    private static let managerScript = #"""
        #!/bin/sh
        # swarm-manager: makes the swarm when there is none, once its address is there; then what runs in it.
        set -eu
        export LC_ALL=C
        # shellcheck source=/dev/null
        . /etc/piforge/swarm/swarm.conf
        patience=300

        ask() { # FORMAT
            timeout 30 docker info --format "$1" 2>/dev/null
        }

        has_address() {
            ip -o -4 addr show | grep -qF " $ADDRESS/"
        }

        give_up() { # WHY
            echo "$1" >&2
            exit 1
        }

        wait_for() { # WHAT COMMAND...
            what=$1 seconds=0
            shift
            until "$@" >/dev/null; do
                [ "$seconds" -lt "$patience" ] || give_up "$what is not there after $patience s"
                seconds=$((seconds + 2))
                sleep 2
            done
        }

        wait_for "the engine" ask '{{.ServerVersion}}'
        case $(ask '{{.Swarm.LocalNodeState}}') in
        active)
            [ "$(ask '{{.Swarm.ControlAvailable}}')" = true ] ||
                give_up "this engine is a worker of another swarm; \`docker swarm leave\` lets it make its own"
            ;;
        inactive)
            wait_for "the address $ADDRESS" has_address
            docker swarm init --advertise-addr "$ADDRESS" --default-addr-pool "$POOL" >/dev/null
            echo "made the swarm of $CLUSTER"
            ;;
        *) give_up "the swarm is not ready: $(ask '{{.Swarm.LocalNodeState}} {{.Swarm.Error}}')" ;;
        esac
        exec /usr/local/lib/piforge/swarm-deploy

        """#

    private static let deployScript = #"""
        #!/bin/sh
        # swarm-deploy: networks, secrets and stacks of /etc/piforge/swarm. A stack is deployed once for each content that it
        # has had, so that what was scaled or removed by hand stays so.
        set -eu
        export LC_ALL=C
        umask 077
        folder=/etc/piforge/swarm notes=/var/lib/piforge
        # Notes of a swarm that is lost count for nothing.
        swarm=$(docker info --format '{{.Swarm.Cluster.ID}}')
        failed=''

        complain() { # WHAT
            echo "$1" >&2
            failed=yes
        }

        note() { # FILE: what a note about this content says
            echo "$swarm $(sha256sum <"$1")"
        }

        has_note() { # KIND NAME FILE
            [ "$(cat "$notes/$1/$2" 2>/dev/null)" = "$(note "$3")" ]
        }

        write_note() { # KIND NAME FILE
            mkdir -p "$notes/$1"
            note "$3" >"$notes/$1/$2.new"
            mv "$notes/$1/$2.new" "$notes/$1/$2"
        }

        make_network() { # NAME
            scope=$(docker network inspect --format '{{.Scope}}' "$1" 2>/dev/null) || scope=''
            case $scope in
            swarm) ;;
            '')
                docker network create --driver overlay "$1" >/dev/null </dev/null || complain "could not make the network $1"
                ;;
            *) complain "there is a network $1 that is not the swarm's" ;;
            esac
        }

        make_secret() { # NAME FILE
            if docker secret inspect "$1" >/dev/null 2>&1; then
                has_note secrets "$1" "$2" || echo "the swarm has another secret $1 than this card: it is left as it is" >&2
            elif docker secret create "$1" "$2" >/dev/null; then
                write_note secrets "$1" "$2"
            else
                complain "could not make the secret $1"
            fi
        }

        deploy() { # NAME FILE
            ! has_note stacks "$1" "$2" || return 0
            if docker stack deploy --prune --compose-file "$2" "$1" </dev/null; then
                write_note stacks "$1" "$2"
            else
                complain "could not deploy the stack $1"
            fi
        }

        if [ -e "$folder/networks" ]; then
            while read -r name; do make_network "$name"; done <"$folder/networks"
        fi
        for file in "$folder"/secrets/*; do
            [ ! -f "$file" ] || make_secret "${file##*/}" "$file"
        done
        for file in "$folder"/stacks/*.yaml; do
            name=${file##*/}
            [ ! -f "$file" ] || deploy "${name%.yaml}" "$file"
        done
        [ -z "$failed" ]

        """#

    private static let ticketScript = #"""
        #!/bin/sh
        # swarm-ticket SLOT: what sshd runs for the key of a node. The node's ssh command is its node id, or nothing.
        # Answers `member TIME`, `join TIME TOKEN` or `wait TIME`, in seconds since 1970; what the slot was before goes.
        set -eu
        export LC_ALL=C
        slot=$1 id=${SSH_ORIGINAL_COMMAND:-}
        case $id in *[!a-z0-9]*) exit 64 ;; esac
        [ "${#id}" -le 64 ] || exit 64

        is_known() {
            [ -n "$id" ] && docker node inspect "$id" >/dev/null 2>&1
        }

        token=$(timeout 30 docker swarm join-token -q worker 2>/dev/null) || token=''
        if [ -z "$token" ]; then
            echo "wait $(date +%s)"
            exit 0
        fi
        for node in $(docker node ls -q --filter "label=piforge.slot=$slot"); do
            [ "$node" != "$id" ] || continue
            if docker node rm --force "$node" >/dev/null 2>&1; then
                logger -t piforge-swarm "$slot was the node $node before, which is forgotten" || true
            fi
        done
        if is_known; then
            echo "member $(date +%s)"
        else
            logger -t piforge-swarm "$slot joins" || true
            echo "join $(date +%s) $token"
        fi

        """#

    private static let joinScript = #"""
        #!/bin/sh
        # swarm-join: asks the controller whether this node belongs to the swarm, and joins; ends well when it does.
        set -u
        export LC_ALL=C
        # shellcheck source=/dev/null
        . /etc/piforge/swarm/swarm.conf
        key=/etc/ssh/piforge/ssh_host_ed25519
        tries=60

        ask() { # NODE-ID: the answer of swarm-ticket
            timeout 60 ssh -F /dev/null -T -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=15 \
                -o StrictHostKeyChecking=yes -o HostKeyAlias="$MANAGER_ALIAS" \
                -o UserKnownHostsFile=/etc/ssh/piforge/known_hosts -o GlobalKnownHostsFile=/dev/null \
                -o LogLevel=ERROR "root@$MANAGER" "$1" </dev/null
        }

        # A Zero has no clock of its own: to one in the past the swarm's certificates are not valid yet.
        set_clock() { # SECONDS
            case $1 in '' | *[!0-9]*) return 0 ;; esac
            [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" != yes ] || return 0
            [ "$(($1 - $(date +%s)))" -gt 30 ] || return 0
            date -s "@$1" >/dev/null && echo "the clock was behind, and is set to the controller's"
        }

        join() { # STATE TOKEN
            case $2 in SWMTKN-*) ;; *) return 0 ;; esac
            [ "$1" = inactive ] || docker swarm leave --force >/dev/null
            timeout 120 docker swarm join --token "$2" --advertise-addr "$ADDRESS" "$MANAGER:2377" >/dev/null
        }

        attempt() {
            info=$(timeout 30 docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}' 2>/dev/null) || info=''
            state=${info%% *} id=${info#* }
            case $state in
            '' | pending) return 1 ;;
            active) ;;
            # What is no member has no id that counts.
            *) id='' ;;
            esac
            answer=$(ask "$id") || { why="no ticket from $MANAGER"; return 1; }
            why="the controller is not ready"
            # shellcheck disable=SC2086
            set -- $answer
            set_clock "${2:-}"
            case ${1:-} in
            member) echo "member of the swarm of $CLUSTER as $id"; exit 0 ;;
            join) why="could not join"; join "$state" "${3:-}" ;;
            esac
            return 1
        }

        why="the engine does not answer"
        while [ "$tries" -gt 0 ]; do
            attempt
            tries=$((tries - 1))
            sleep 5
        done
        echo "no member of the swarm yet: $why" >&2
        exit 1

        """#
}
