import ArgumentParser

/// Where the profile is.
struct ProfileOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The profile, - for stdin; paths in a profile from a pipe begin in the current folder. Without this option ./piforge.yaml is used when there is one.",
            valueName: "file"))
    var profile: UserPath?

    var path: String? { profile?.path }
}
