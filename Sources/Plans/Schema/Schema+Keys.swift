extension Schema {
    /// The keys at the top of a profile, `defaults` and `slots` aside.
    package static let profileKeys: [SchemaKey] = [
        SchemaKey(
            "version", .integer(version...version), "The version of this format.", example: "1", scope: .profile,
            isRequired: true),
        SchemaKey(
            "cluster", .text(.clusterName), "Name of the cluster, which begins the names of the outputs.",
            example: "sg1", scope: .profile, isRequired: true),
        SchemaKey("base", .object(baseKeys), "The image that every slot starts from.", example: "", scope: .profile),
        SchemaKey(
            "domain", .text(.domain), "DNS domain of the cluster, for the line of the host in /etc/hosts.",
            example: "chappa.ai", scope: .profile),
    ]

    private static let baseKeys: [SchemaKey] = [
        SchemaKey(
            "image", .text(.path), "The base image, relative to the profile.", example: "images/bookworm-CNAT.img.xz",
            scope: .profile, isRequired: true),
        SchemaKey(
            "sha256", .text(.sha256), "SHA-256 of the image file; another one is refused.",
            example: String(repeating: "0", count: 64), scope: .profile),
    ]

    /// The keys of settings, those of a slot alone included.
    package static let settingsKeys: [SchemaKey] = [
        SchemaKey(
            "hostname", .text(.hostname), "Name of the machine; without it the slot's name.", example: "oneil",
            scope: .slot),
        SchemaKey("ssh", .boolean, "Turn the ssh server on at the first boot (the `ssh` marker).", example: "true"),
        SchemaKey(
            "user", .text(.userName), "Login name of the first user; without it the image's own.", example: "pi"),
        SchemaKey(
            "password_hash", .text(.passwordHash), "crypt(5) hash of the user's password (`piforge hash-password`).",
            example: "$6$saltsalt$" + String(repeating: "x", count: 86), isSecret: true),
        SchemaKey(
            "authorized_keys", .list(.text(.authorizedKey)), "Public ssh keys of the user, a line each.",
            example: "[ssh-ed25519 AAAA… you@home]"),
        SchemaKey(
            "authorized_keys_files", .list(.text(.path)), "Files with public keys, such as id_ed25519.pub.",
            example: "[keys/admin.pub]"),
        SchemaKey("password_login", .boolean, "Let ssh take passwords; false takes keys alone.", example: "false"),
        SchemaKey(
            "cgroups", .boolean, "Add the kernel arguments that container engines need (memory cgroup).",
            example: "true"),
        SchemaKey(
            "kernel_arguments", .object(kernelKeys), "Arguments in cmdline.txt.", example: ""),
        SchemaKey(
            "gpu_mem", .integer(Validation.gpuMemoryRange), "Memory of the GPU in MiB.", example: "16"),
        SchemaKey(
            "config", .config,
            "config.txt: section to key to value; null removes a key, a list repeats one that adds up.",
            example: "{arm_boost: 1, pi0: {dtoverlay: [disable-bt]}}"),
        SchemaKey("time_zone", .text(.timeZone), "Time zone, as below /usr/share/zoneinfo.", example: "Europe/Berlin"),
        SchemaKey("locale", .text(.locale), "Language, country and character set.", example: "en_GB.UTF-8"),
        SchemaKey("keyboard", .object(keyboardKeys), "The keyboard of the console.", example: ""),
        SchemaKey("wifi", .object(wifiKeys), "The wireless network to join.", example: ""),
        SchemaKey("units", .object(unitKeys), "systemd units.", example: ""),
        SchemaKey(
            "files", .list(.object(fileKeys)), "Files, folders and links of yours.",
            example: "[{source: motd, target: /etc/motd}]"),
        SchemaKey(
            "hosts", .map(key: .address, value: .list(.text(.hostsName))), "Further lines of /etc/hosts.",
            example: "{\"192.168.1.10\": [nas, nas.home]}"),
        SchemaKey(
            "packages", .list(.text(.packageName)),
            "Debian packages to install inside the image (`--engine loop`); most need `network`.",
            example: "[docker.io]"),
        SchemaKey(
            "run", .list(.text(.command)),
            "Commands for `sh` to run as root inside the image, after all else (`--engine loop`).",
            example: "[usermod -aG docker pi]"),
        SchemaKey(
            "network", .boolean, "Let `packages` and `run` use the network of the machine that builds.",
            example: "true"),
    ]

    private static let kernelKeys: [SchemaKey] = [
        SchemaKey(
            "set", .list(.text(.kernelArgument)), "Arguments to add; one of the same key is replaced (not `console`).",
            example: "[quiet, console=tty1]"),
        SchemaKey(
            "remove", .list(.text(.removedKernelArgument)),
            "Arguments to remove: `key` (each of that key) or `key=value`.",
            example: "[splash]"),
    ]

    private static let keyboardKeys: [SchemaKey] = [
        SchemaKey("layout", .text(.keyboardLayout), "XKB layout, several with commas.", example: "gb"),
        SchemaKey("model", .text(.keyboardWord), "XKB model.", example: "pc105"),
        SchemaKey("variant", .text(.keyboardWord), "XKB variant.", example: "nodeadkeys"),
        SchemaKey("options", .text(.keyboardWord), "XKB options, several with commas.", example: "ctrl:nocaps"),
    ]

    private static let wifiKeys: [SchemaKey] = [
        SchemaKey("ssid", .text(.ssid), "Name of the network, 1 to 32 bytes.", example: "Home"),
        SchemaKey(
            "psk", .text(.psk), "Passphrase of 8 to 63 characters, or 64 hex digits.", example: "correct horse battery",
            isSecret: true),
        SchemaKey(
            "psk_file", .text(.path), "File that holds the passphrase in its first line.", example: "secrets/wifi"),
        SchemaKey("hidden", .boolean, "The network does not announce its name.", example: "false"),
        SchemaKey("country", .text(.country), "Country whose radio rules hold (ISO 3166-1).", example: "GB"),
    ]

    private static let unitKeys: [SchemaKey] = [
        SchemaKey("enable", .list(.text(.unitName)), "Units to enable.", example: "[docker.service]"),
        SchemaKey("disable", .list(.text(.unitName)), "Units to disable.", example: "[bluetooth.service]"),
        SchemaKey(
            "mask", .list(.text(.unitName)), "Units that nothing can start.", example: "[apt-daily.timer]"),
    ]

    private static let fileKeys: [SchemaKey] = [
        SchemaKey(
            "source", .text(.path), "A file or folder of yours; a folder is copied with all that it holds.",
            example: "files/motd"),
        SchemaKey("content", .text(.anyText), "The text of the file, instead of a source.", example: "\"hello\\n\""),
        SchemaKey("link", .text(.linkText), "Where a symbolic link points, instead of a source.", example: "../run/x"),
        SchemaKey("directory", .boolean, "An empty folder, instead of a source.", example: "true"),
        SchemaKey(
            "target", .text(.targetPath), "Where it goes, from the top of the partition.", example: "/etc/motd",
            isRequired: true),
        SchemaKey("partition", .text(.partition), "`root`, or `boot` (there `/` is /boot/firmware).", example: "root"),
        SchemaKey(
            "mode", .text(.mode), "Permission bits in octal; without it 0644, 0755 if the source can be executed.",
            example: "\"0644\""),
        SchemaKey("owner", .text(.owner), "A number, `root`, or `user` (the first user, 1000).", example: "root"),
        SchemaKey("group", .text(.owner), "As `owner`.", example: "root"),
        SchemaKey("secret", .boolean, "Never show the content in a plan or manifest.", example: "false"),
    ]
}
