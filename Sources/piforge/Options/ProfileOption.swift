import ArgumentParser

/// Where the profile is.
struct ProfileOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The profile. Without this option ./piforge.yaml is used when there is one.", valueName: "file"))
    var profile: UserPath?

    var path: String? { profile?.path }
}
