/// A file system of Docker's own, in a file: overlay2 works neither on NFS nor on an overlay.
///
/// It is made on the Pi at the first start, not when the image is built: mkfs.ext4 takes a second there and leaves a sparse file, while an image would carry
/// gigabytes of a file system whose id all its copies share.
package enum DockerData {
    /// `size`: in the words of truncate(1), such as `8G`.
    package static func programs(size: String) -> [PiProgram] {
        [.script("docker-data", script), .unit("piforge-docker-data.service", unit(size: size))]
    }

    private static func unit(size: String) -> String {
        """
        [Unit]
        Description=A file system for Docker in a file of \(size)
        RequiresMountsFor=/var/lib
        After=piforge-packages.service
        Before=containerd.service docker.service

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/local/lib/piforge/docker-data start \(size)
        ExecStop=/usr/local/lib/piforge/docker-data stop
        TimeoutStartSec=10min

        [Install]
        RequiredBy=docker.service

        """
    }

    private static let script = #"""
        #!/bin/sh
        # docker-data start SIZE | stop: mounts Docker's own file system, which is made when it is not there yet.
        # Engines since 29 keep images in /var/lib/containerd, so that it lies there as well.
        set -eu
        file=/var/lib/piforge/docker.ext4

        is_mounted() { # FOLDER
            while read -r _ folder _; do
                [ "$folder" != "$1" ] || return 0
            done </proc/self/mounts
            return 1
        }

        make() { # SIZE
            echo "making a file system of $1 in $file"
            rm -f "$file.new"
            truncate -s "$1" "$file.new"
            mkfs.ext4 -q -F -m 0 -L docker "$file.new"
            sync
            mv "$file.new" "$file"
        }

        check() {
            code=0
            e2fsck -p "$file" || code=$?
            # 1: errors were corrected.
            [ "$code" -le 1 ] || { echo "$file is damaged (e2fsck: $code); without it Docker begins anew" >&2; exit 1; }
        }

        start() { # SIZE
            mkdir -p "${file%/*}" /var/lib/docker /var/lib/containerd
            if ! is_mounted /var/lib/docker; then
                if [ -e "$file" ]; then check; else make "$1"; fi
                mount -o loop,noatime "$file" /var/lib/docker
            fi
            mkdir -p /var/lib/docker/.containerd
            is_mounted /var/lib/containerd || mount --bind /var/lib/docker/.containerd /var/lib/containerd
        }

        stop() {
            for folder in /var/lib/containerd /var/lib/docker; do
                ! is_mounted "$folder" || umount "$folder"
            done
        }

        case ${1:-} in
        start) start "${2:?SIZE}" ;;
        stop) stop ;;
        *) echo "usage: docker-data start SIZE | stop" >&2; exit 64 ;;
        esac

        """#
}
