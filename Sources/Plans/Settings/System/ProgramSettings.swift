/// Debian packages by name: files are found for them, which take the way of `debs`; the loop engine installs them itself.
enum PackagesSetting: Setting {
    typealias Value = [String]

    static let keys = [
        SchemaKey(
            "packages", .list(.text(.packageName)),
            "Debian packages, which the Pi installs at its first boot; `piforge packages fetch` finds their files, or the build "
                + "with `network`. With `--engine loop` the build installs them.",
            example: "[docker.io]")
    ]

    static let template = """

        # Packages for the first boot, found by `piforge packages fetch`.
        # packages: [docker.io]
        """
}

/// Commands to run inside the image, after the packages.
enum RunSetting: Setting {
    typealias Value = [String]

    static let keys = [
        SchemaKey(
            "run", .list(.text(.command)),
            "Commands for `sh` to run as root inside the image, after all else (`--engine loop`).",
            example: "[usermod -aG docker pi]")
    ]

    static let template = """
        # Commands to run inside the image, with build --engine loop.
        # run: [usermod -aG docker pi]
        """

    /// A command may be wanted twice.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining { .always }
}

extension Settings {
    /// Debian packages by name.
    package var packages: [String] {
        get { self[PackagesSetting.self] }
        set { self[PackagesSetting.self] = newValue }
    }

    /// Commands for sh(1) to run inside the image, in order, after the packages.
    package var commands: [String] {
        get { self[RunSetting.self] }
        set { self[RunSetting.self] = newValue }
    }

    /// Whether programs of the image must run to make it, which only mounted images can.
    package var runsPrograms: Bool { !packages.isEmpty || !commands.isEmpty }
}

// MARK: - What is valid

extension TextFormat {
    static let packageName = TextFormat(
        "package", pattern: "^[a-z0-9][a-z0-9+.:=~-]*$", check: Validation.packageName)
    static let command = TextFormat("command", pattern: "^(.|\\n)+$", check: Validation.command)
}

extension Validation {
    /// A Debian package as apt-get takes it: `docker.io`, `docker.io=20.10.24+dfsg1-1`, `libc6:armhf`. Nothing that
    /// apt-get would take for an option, a file or the removal of a package (`name-`).
    package static func packageName(_ name: String) throws(Refusal) {
        let hint = "docker.io"
        try characters(name, of: "package name", others: "+.-:=~", hint: hint)
        guard let first = name.utf8.first, isLower(first) || isDigit(first), !name.hasSuffix("-") else {
            throw Refusal("\"\(name.shortened)\" is no name of a package", hint: hint)
        }
    }

    /// A command for sh(1).
    package static func command(_ text: String) throws(Refusal) {
        guard text.utf8.contains(where: { $0 > 0x20 }) else { throw Refusal("the command is empty") }
        guard !text.utf8.contains(0) else { throw Refusal("the command has a NUL character") }
    }
}
