/// An error that says by itself what a person reads of it.
package protocol ReportedError: Error {
    var report: ForgeError { get }
}

/// Does `work`; what it throws goes on as what `wrap` makes of it.
package func wrapping<Failure: Error, Wrapped: Error, Value: ~Copyable>(
    _ work: @autoclosure () throws(Failure) -> Value, as wrap: (Failure) -> Wrapped
) throws(Wrapped) -> Value {
    do throws(Failure) { return try work() } catch { throw wrap(error) }
}

/// The same for several statements, whose closure begins with `() throws(Failure) in`.
package func wrapping<Failure: Error, Wrapped: Error, Value: ~Copyable>(
    as wrap: (Failure) -> Wrapped, _ work: () throws(Failure) -> Value
) throws(Wrapped) -> Value {
    do throws(Failure) { return try work() } catch { throw wrap(error) }
}

/// Does several statements; what they throw goes on as what a person reads of it.
package func wrapping<Failure: ReportedError, Value: ~Copyable>(
    _ work: () throws(Failure) -> Value
) throws(ForgeError) -> Value {
    do throws(Failure) { return try work() } catch { throw error.report }
}

extension ReportedError {
    /// Does `work`; what it throws goes on as what a person reads of it.
    package static func wrapping<Value: ~Copyable>(
        _ work: @autoclosure () throws(Self) -> Value
    ) throws(ForgeError) -> Value {
        do throws(Self) { return try work() } catch { throw error.report }
    }
}
