import Fleet
import Plans
import TestSupport
import Testing

struct ReachabilityTests {
    /// What OpenSSH says; of these, the changed key and the failed forwarding were seen with 9.2, the others follow its
    /// sources.
    @Test(
        arguments: [
            (
                "ssh: connect to host 192.168.42.10 port 22: Connection refused\r\n",
                .unreachable("ssh: connect to host 192.168.42.10 port 22: Connection refused")
            ),
            (
                "ssh: connect to host 172.19.181.9 port 22: No route to host\r\n"
                    + "kex_exchange_identification: Connection closed by remote host\r\n"
                    + "Connection closed by UNKNOWN port 65535\r\n",
                .unreachable("ssh: connect to host 172.19.181.9 port 22: No route to host")
            ),
            (
                """
                @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
                @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
                @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
                IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
                Offending ED25519 key in /home/you/sg1-handoff/known_hosts:3
                Host key for sg1-p1 has changed and you have requested strict checking.
                Host key verification failed.
                """, .wrongKey
            ),
            (
                """
                Host key for sg1-cnat has changed and you have requested strict checking.
                Host key verification failed.
                kex_exchange_identification: Connection closed by remote host
                Connection closed by UNKNOWN port 65535
                """, .unreachable("the host key of the machine on the way is not the expected one")
            ),
            (
                "No ED25519 host key is known for sg1-p1 and you have requested strict checking.\r\n"
                    + "Host key verification failed.\r\n", .unknownKey
            ),
            (
                "pi@172.19.181.1: Permission denied (publickey).\r\n",
                .loginRefused("pi@172.19.181.1: Permission denied (publickey).")
            ),
            (
                "channel 0: open failed: connect failed: No route to host\r\nstdio forwarding failed\r\n"
                    + "kex_exchange_identification: Connection closed by remote host\r\n"
                    + "Connection closed by UNKNOWN port 65535\r\n", .unreachable("No route to host")
            ),
            ("", .unreachable("no answer")),
        ] as [(String, Reachability)])
    func readsWhatSSHSays(text: String, wanted: Reachability) {
        #expect(Reachability(failureText: text, alias: "sg1-p1") == wanted)
    }

    @Test func aKeyCountsAsSeenWhenSSHGotThatFar() {
        #expect(Reachability.answers.hostKeyMatches == true && Reachability.answers.detail == nil)
        #expect(Reachability.loginRefused("x").hostKeyMatches == true)
        #expect(Reachability.wrongKey.hostKeyMatches == false)
        #expect(Reachability.unreachable("x").hostKeyMatches == nil)
    }
}

struct MachineProbeTests {
    @Test func readsItsOwnScript() throws {
        for slot in [Slot.cnat, .node(3)] {
            let answer = try Shell.run("sh", ["-c", MachineProbe.script(for: slot)])
            #expect(answer.status == 0 && answer.error == "")
            let report = try #require(MachineProbe.report(Array(answer.output.utf8)))
            #expect((report.uptime ?? -1) > 0)
            #expect(report.label == nil && report.power == [:])
        }
    }

    @Test func readsWhatAControllerSays() throws {
        let report = try #require(
            MachineProbe.report(
                Array(
                    """
                    Welcome to hammond
                    piforge-status 1
                    label
                    {"slot": "cnat",
                      "cluster": "sg1"}

                    uptime
                    86401.52 172000.11
                    packages
                    piforge: installed packages, 3 in all
                    first-boot
                    power
                    clusterhat:1
                    hat_version:2.3
                    p1:1
                    p2:0
                    p300:1
                    throttled:0x0

                    """.utf8)))
        #expect(
            report.label.map { String(decoding: $0, as: UTF8.self) }
                == "{\"slot\": \"cnat\",\n  \"cluster\": \"sg1\"}\n\n")
        #expect(report.uptime == 86401)
        #expect(report.packages == "installed packages, 3 in all" && report.firstBoot == nil)
        #expect(report.power == [.node(1): true, .node(2): false])
        #expect(MachineProbe.report(Array("This account is currently not available.\n".utf8)) == nil)
        #expect(MachineProbe.report([]) == nil)
    }
}
