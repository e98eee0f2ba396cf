/// The profile that `piforge init` writes: it works as it is, and shows every key.
package enum ProfileTemplate {
    package static let text = """
        # A piforge profile: one cluster, one card image for each slot.
        # Check it with `piforge plan`, build it with `piforge build`. All keys: docs/profile.md.
        version: 1

        # Begins the names of the outputs.
        cluster: mycluster

        # The image to start from, relative to this file. Without it, give --base.
        # base:
        #   image: images/2025-11-24-1-bookworm-ClusterCTRL-armhf-lite-CNAT.img.xz
        #   sha256: 0000000000000000000000000000000000000000000000000000000000000000

        # DNS domain, for the line of each host in /etc/hosts.
        # domain: home.arpa

        # For every slot.
        defaults:
          # The ssh server runs from the first boot on.
          ssh: true

          # Login. Make the hash with `piforge hash-password`.
          # user: pi
          # password_hash: "$6$..."
          # password_login: false

          # Public keys, as lines or from files.
          # authorized_keys:
          #   - ssh-ed25519 AAAA... you@home
          # authorized_keys_files: [~/.ssh/id_ed25519.pub]

          # Memory cgroup for Docker, Podman and Kubernetes.
          cgroups: true
          # kernel_arguments: {set: [quiet], remove: [splash]}

          # MiB for the GPU; 16 is enough without a screen.
          gpu_mem: 16

          # Any other key of config.txt. Under a section it holds for those boards alone; null removes a key.
          # config:
          #   arm_boost: 1
          #   pi0:
          #     dtoverlay: [disable-bt]

          # time_zone: Europe/London
          # locale: en_GB.UTF-8
          # keyboard: {layout: gb, model: pc105}

          # wifi: {ssid: Home, psk_file: secrets/wifi, country: GB}

          # units:
          #   enable: [docker.service]
          #   disable: [bluetooth.service]
          #   mask: [apt-daily.timer]

          # Your own files and folders; the mode in quotes.
          # files:
          #   - {source: files/motd, target: /etc/motd}
          #   - {content: "hello\\n", target: /etc/hello, mode: "0600", owner: user, group: user, secret: true}
          #   - {link: /usr/share/zoneinfo/UTC, target: /etc/zone}
          #   - {directory: true, target: /srv/data}
          #   - {source: files/splash.txt, target: /splash.txt, partition: boot}

          # Further lines of /etc/hosts.
          # hosts:
          #   "192.168.1.10": [nas, nas.home.arpa]

          # Packages to install and commands to run inside the image, with build --engine loop.
          # packages: [docker.io]
          # run: [usermod -aG docker pi]
          # network: true

        # The slots that exist. What a slot says comes on top of the defaults: values replace, lists add.
        slots:
          cnat:
            hostname: controller
          p1:
            hostname: node1
          p2:
            hostname: node2
          p3:
            hostname: node3
          p4:
            hostname: node4

        """
}
