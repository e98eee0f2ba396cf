package import Testing

extension Trait where Self == TimeLimitTrait {
    /// For tests of what must not go on for ever. The clock of a test also runs while others have its thread, so this
    /// is far more than any needs; and less than CI grants the whole run.
    package static var mustEnd: Self { .timeLimit(.minutes(40)) }
}
