package import Trees

extension ImageFacts {
    /// Looks at everything that a plan with these settings can need; reads small files only and changes nothing.
    package static func read(
        boot: any ReadableVolume, root: any ReadableVolume, for settings: Settings = Settings(), diskID: UInt32? = nil
    ) throws(PlanError) -> ImageFacts {
        var reader = FactsReader(boot: boot, root: root, settings: settings)
        reader.facts.diskID = diskID
        try reader.readBoot()
        try reader.readSystem()
        try reader.readClusterCTRL()
        try reader.readUnits()
        try reader.readStock()
        try reader.readNetboot()
        for setting in Settings.table { try setting.look(&reader) }
        return reader.facts
    }
}
