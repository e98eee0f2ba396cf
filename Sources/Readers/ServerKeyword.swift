/// The options of sshd_config (OpenSSH, servconf.c, `keywords`), with Debian's additions.
enum ServerKeyword {
    enum Meaning { case known, ignored, unknown }

    /// What a version makes of a keyword in small letters.
    static func meaning(of keyword: String, in version: ServerVersion) -> Meaning {
        if ignored.contains(keyword) { return .ignored }
        if let first = later[keyword] { return version < first ? .unknown : .known }
        return old.contains(keyword) ? .known : .unknown
    }

    /// One name for keywords that mean the same.
    static func canonical(_ keyword: String, in version: ServerVersion) -> String {
        switch keyword {
        case "challengeresponseauthentication", "skeyauthentication":
            version < .joinedInteractive ? "challengeresponseauthentication" : "kbdinteractiveauthentication"
        case "dsaauthentication": "pubkeyauthentication"
        case "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms"
        case "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms"
        case "hostdsakey": "hostkey"
        case "keepalive": "tcpkeepalive"
        default: keyword
        }
    }

    static func isAllowedInMatch(_ keyword: String) -> Bool {
        !globalOnly.contains(keyword) && !laterGlobalOnly.contains(keyword)
    }

    private static let laterGlobalOnly: Set<String> = [
        "modulifile", "persourcemaxstartups", "persourcenetblocksize", "persourcepenalties",
        "persourcepenaltyexemptlist", "securitykeyprovider", "sshdauthpath", "sshdsessionpath",
    ]

    /// Those whose every line counts; of all others it is the first one.
    static let accumulating: Set<String> = [
        "allowusers", "denyusers", "allowgroups", "denygroups", "port", "listenaddress", "hostkey", "acceptenv",
        "subsystem",
    ]

    /// Those that take yes or no and nothing else.
    static let flags: Set<String> = [
        "passwordauthentication", "kbdinteractiveauthentication", "challengeresponseauthentication",
        "pubkeyauthentication", "permitemptypasswords", "strictmodes", "usepam", "hostbasedauthentication",
        "kerberosauthentication", "gssapiauthentication", "x11forwarding", "x11uselocalhost", "permittty",
        "permituserrc", "printmotd", "printlastlog", "tcpkeepalive", "disableforwarding", "exposeauthinfo",
        "allowagentforwarding", "usedns", "ignoreuserknownhosts", "streamlocalbindunlink",
    ]

    private static let ignored: Set<String> = [
        "afstokenpassing", "authorizedkeysfile2", "checkmail", "gssapikexalgorithms", "gssapiusesessioncredcache",
        "gssusesessionccache", "kerberosgetafstoken", "kerberostgtpassing", "keyregenerationinterval",
        "pamauthenticationviakbdint", "permitblacklistedkeys", "protocol", "reversemappingcheck",
        "rhostsauthentication", "rhostsrsaauthentication", "rsaauthentication", "serverkeybits", "uselogin",
        "useprivilegeseparation", "verifyreversemapping",
    ]

    /// The version that each came with.
    private static let later: [String: ServerVersion] = [
        "exposeauthinfo": .init(7, 6), "rdomain": .init(7, 7), "permitlisten": .init(7, 8), "setenv": .init(7, 8),
        "casignaturealgorithms": .init(7, 9), "include": .init(8, 2), "securitykeyprovider": .init(8, 2),
        "pubkeyauthoptions": .init(8, 2), "pubkeyacceptedalgorithms": .init(8, 5),
        "hostbasedacceptedalgorithms": .init(8, 5), "logverbose": .init(8, 5), "modulifile": .init(8, 5),
        "persourcemaxstartups": .init(8, 5), "persourcenetblocksize": .init(8, 5), "requiredrsasize": .init(9, 1),
        "channeltimeout": .init(9, 2), "unusedconnectiontimeout": .init(9, 2), "persourcepenalties": .init(9, 8),
        "persourcepenaltyexemptlist": .init(9, 8), "sshdsessionpath": .init(9, 8), "refuseconnection": .init(9, 9),
        "sshdauthpath": .init(10, 0),
    ]

    /// All that OpenSSH 7.4 knew already.
    private static let old: Set<String> = globalOnly.union(matchable)

    private static let globalOnly: Set<String> = [
        "addressfamily", "ciphers", "compression", "debianbanner", "fingerprinthash", "gssapicleanupcredentials",
        "gssapicleanupcreds", "gssapikeyexchange", "gssapistorecredentialsonrekey", "gssapistrictacceptorcheck",
        "hostcertificate", "hostdsakey", "hostkey", "hostkeyagent", "hostkeyalgorithms", "ignoreuserknownhosts",
        "keepalive", "kerberosorlocalpasswd", "kerberosticketcleanup", "kexalgorithms", "listenaddress",
        "logingracetime", "macs", "maxstartups", "permituserenvironment", "pidfile", "port", "printlastlog",
        "printmotd", "strictmodes", "subsystem", "syslogfacility", "tcpkeepalive", "usedns", "usepam",
        "versionaddendum", "xauthlocation",
    ]

    private static let matchable: Set<String> = [
        "acceptenv", "allowagentforwarding", "allowgroups", "allowstreamlocalforwarding", "allowtcpforwarding",
        "allowusers", "authenticationmethods", "authorizedkeyscommand", "authorizedkeyscommanduser",
        "authorizedkeysfile", "authorizedprincipalscommand", "authorizedprincipalscommanduser",
        "authorizedprincipalsfile", "banner", "challengeresponseauthentication", "chrootdirectory",
        "clientalivecountmax", "clientaliveinterval", "denygroups", "denyusers", "disableforwarding",
        "dsaauthentication", "forcecommand", "gatewayports", "gssapiauthentication", "hostbasedacceptedkeytypes",
        "hostbasedauthentication", "hostbasedusesnamefrompacketonly", "ignorerhosts", "ipqos",
        "kbdinteractiveauthentication", "kerberosauthentication", "loglevel", "match", "maxauthtries", "maxsessions",
        "passwordauthentication", "permitemptypasswords", "permitopen", "permitrootlogin", "permittty",
        "permittunnel", "permituserrc", "pubkeyacceptedkeytypes", "pubkeyauthentication", "rekeylimit", "revokedkeys",
        "skeyauthentication", "streamlocalbindmask", "streamlocalbindunlink", "trustedusercakeys", "x11displayoffset",
        "x11forwarding", "x11uselocalhost",
    ]
}

extension ServerKeyword {
    /// All that are in a table here.
    static var all: Set<String> { old.union(later.keys).union(ignored) }
}
