import Plans
import Readers

/// Input: /etc/passwd, /etc/shadow, /etc/group and userconf.txt, with a NUL after each.
func fuzzAccounts(_ input: [UInt8]) throws(BrokenClaim) {
    let text = repeated(input)
    var files = text.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map(Array.init)
    while files.count < 4 { files.append([]) }
    let lines = files.map { ImageFiles.lines(of: $0) }
    let accounts = Accounts(passwd: lines[0], shadow: lines[1], group: lines[2])
    for user in accounts.users.prefix(5) + accounts.users.suffix(5) {
        _ = (accounts.hash(of: user), accounts.groups(of: user), user.hasLoginShell)
        try claim(accounts.user(named: user.name) == user, "\(user.name) is found as another")
    }
    if case .user(let name, _) = UserConf(lines: lines[3]) {
        try claim(UserConf.isAllowed(name), "a user's name that is not allowed")
    }
    try claimSettled([.setPasswordHash(user: "pi", hash: "$6$a$b", day: 20_000)], on: files[1])
    try claimSettled([.addGroupMember(group: "docker", user: "pi")], on: files[2])
    try claimSettled([.addShadowGroupMember(group: "docker", user: "pi")], on: files[2])
}
