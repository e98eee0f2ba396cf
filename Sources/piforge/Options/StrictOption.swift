import ArgumentParser

/// Whether what only looks wrong fails as well.
struct StrictOption: ParsableArguments {
    @Flag(
        help: """
            Let warnings fail, too. Nothing is made of a slot with one (exit code 65); verify and inspect end with 1. A \
            finding that --allow names is accepted.
            """)
    var strict = false
}
