//! Signals, terminals and exit status under `exec`.

use crate::{
    client::{self, RESOURCE},
    support::{Azure, ended},
};
use cross_tenant_identity_emulator::Endpoint;
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    os::unix::{
        fs::{OpenOptionsExt, PermissionsExt},
        process::CommandExt,
    },
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cross-tenant-identity");

/// It ends by itself when nobody tells it anything, so that no test hangs.
const WAIT: &str = "i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done; echo nothing; exit 99";

fn exec(azure: &Azure, script: &str) -> Command {
    let mut command = azure.command_with_settings(&["exec", "--", "/bin/sh", "-c", script]);
    // Not in the foreground of the terminal from which the tests are run.
    command.process_group(0);
    command
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap()).unwrap()
}

#[test]
fn each_signal_reaches_the_command_and_its_status_is_128_and_the_number() {
    let azure = Azure::start();
    for (name, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", 15),
    ] {
        let caught = format!("trap 'exit 42' {name}; kill -{name} $PPID; {WAIT}");
        ended(&mut exec(&azure, &caught)).expect(42);
        let not_caught = format!("ulimit -c 0; kill -{name} $PPID; {WAIT}");
        ended(&mut exec(&azure, &not_caught)).expect(128 + number);
    }
    ended(&mut exec(&azure, "kill -KILL $$")).expect(137);
    for status in [7, 255] {
        ended(&mut exec(&azure, &format!("exit {status}"))).expect(status);
    }
}

#[cfg(target_os = "linux")]
/// As `nohup` does it with SIGHUP, and a shell with SIGINT for a job in the background.
#[test]
fn a_signal_that_was_ignored_stays_so_for_the_command() {
    let azure = Azure::start();
    let inner = "kill -HUP $PPID; kill -HUP $$; kill -INT $PPID; kill -INT $$; exit 4";
    let arguments = [PROGRAM, "exec", "--", "/bin/sh", "-c", inner];
    let mut shell = Command::new("/bin/sh");
    let of_exec = azure.command_with_settings(&[]);
    shell
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"])
        .args(arguments)
        .env_clear()
        .envs(
            of_exec
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    ended(&mut shell).expect(4);
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_is_told_when_exec_is_killed() {
    use std::{io::Read, os::unix::process::ExitStatusExt};

    let azure = Azure::start();
    let script = format!("trap 'echo told; exit' TERM; echo started; {WAIT}");
    let mut exec = exec(&azure, &script)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(exec.stdout.take().unwrap());
    let mut started = String::new();
    output.read_line(&mut started).unwrap();
    assert_eq!(started, "started\n");
    exec.kill().unwrap();
    assert_eq!(exec.wait().unwrap().signal(), Some(9));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "told\n");
}

/// Anybody on the machine can connect, and what the command has started may still ask.
#[test]
fn a_request_under_way_does_not_delay_the_end() {
    let azure = Azure::start();
    let (arrived, arrival) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    azure.emulator.on_request(move |request| {
        if request.endpoint == Endpoint::Token {
            let _ = arrived.send(());
            let _ = released.lock().unwrap().recv();
        }
    });
    let script = "echo $IDENTITY_ENDPOINT; echo $IDENTITY_HEADER; read line; exit 4";
    let mut exec = exec(&azure, script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(exec.stdout.take().unwrap()).lines();
    let mut next = || told.next().unwrap().unwrap();
    let (url, secret) = (next(), next());
    let endpoint = client::Endpoint { url, secret };
    let other = endpoint.clone();
    let asking = thread::spawn(move || other.token(RESOURCE));
    arrival.recv().unwrap();
    drop(exec.stdin.take());
    // Until the endpoint has ended.
    while TcpStream::connect(endpoint.address()).is_ok() {}
    drop(release);
    assert!(asking.join().unwrap().is_err());
    assert_eq!(exec.wait().unwrap().code(), Some(4));
}

#[test]
fn what_cannot_be_run_is_told() {
    let azure = Azure::start();
    let path = azure.file("program", "#!/no/such/interpreter\n");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let ended = ended(&mut azure.command_with_settings(&["exec", "--", &path])).expect(2);
    let expected = format!("cannot run {path}: ");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[test]
fn arguments_reach_the_command_as_they_are() {
    let azure = Azure::start();
    let script = "for it; do echo \"<$it>\"; done; echo \"$0\"";
    let arguments = [
        "exec", "--", "/bin/sh", "-c", script, "zero", "--", "-x", "", "a b", "--help",
    ];
    let ended = ended(&mut azure.command_with_settings(&arguments)).expect(0);
    assert_eq!(ended.stdout, "<-->\n<-x>\n<>\n<a b>\n<--help>\nzero\n");
}

#[cfg(target_os = "linux")]
/// A terminal, and `exec` in its foreground.
struct Terminal {
    keyboard: File,
    screen: BufReader<File>,
    exec: Child,
}

#[cfg(target_os = "linux")]
impl Terminal {
    fn start(azure: &Azure, redirection: &str, script: &str) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let open = || {
            let mut options = OpenOptions::new();
            // It is not to become that of the tests.
            let without_control = OpenptFlags::NOCTTY.bits() as i32;
            options.read(true).write(true).custom_flags(without_control);
            options.open(name.to_str().unwrap()).unwrap()
        };
        let of_exec = azure.command_with_settings(&[]);
        // A new session, whose terminal is this one.
        let exec = Command::new("setsid")
            .args([
                "--ctty",
                "/bin/sh",
                "-c",
                &format!("exec \"$@\" {redirection}"),
                "sh",
            ])
            .args([PROGRAM, "exec", "--", "/bin/sh", "-c", script])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(
                of_exec
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let keyboard = File::from(terminal);
        let screen = BufReader::new(keyboard.try_clone().unwrap());
        Self {
            keyboard,
            screen,
            exec,
        }
    }

    /// What is shown until a line with this.
    fn until(&mut self, expected: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(expected) {
            let mut line = String::new();
            let read = self.screen.read_line(&mut line);
            assert!(read.is_ok_and(|it| it > 0), "{shown}");
            shown.push_str(&line);
        }
        shown
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_keys_of_a_terminal_reach_the_command_once_and_exec_waits_for_it() {
    let azure = Azure::start();
    let script = format!(
        "trap 'n=$((n+1)); echo interrupted $n' INT; trap 'echo quit' QUIT; trap 'echo ended; exit 3' TERM; echo started; {WAIT}"
    );
    // Also when standard input is a file, the terminal sends it to both.
    for redirection in ["", "</dev/null"] {
        let mut terminal = Terminal::start(&azure, redirection, &script);
        terminal.until("started");
        terminal.keyboard.write_all(b"\x03").unwrap();
        let mut shown = terminal.until("interrupted 1");
        terminal.keyboard.write_all(b"\x1c").unwrap();
        shown += &terminal.until("quit");
        // Only to `exec`: it comes after all that `exec` has passed on before.
        kill_process(pid(&terminal.exec), Signal::TERM).unwrap();
        shown += &terminal.until("ended");
        assert!(!shown.contains("interrupted 2"), "{shown}");
        assert_eq!(shown.matches("quit").count(), 1, "{shown}");
        assert_eq!(terminal.exec.wait().unwrap().code(), Some(3), "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_the_terminal_ends_is_130() {
    let azure = Azure::start();
    let script = format!("echo started; {WAIT}");
    let mut terminal = Terminal::start(&azure, "", &script);
    terminal.until("started");
    terminal.keyboard.write_all(b"\x03").unwrap();
    assert_eq!(terminal.exec.wait().unwrap().code(), Some(130));
}
