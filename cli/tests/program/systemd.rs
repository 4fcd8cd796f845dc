//! What systemd is told (sd_notify(3)), on a socket that is here in its place.

use crate::{
    client::RESOURCE,
    serve::running::{REPORTS, Serve, client_of},
    support::Azure,
};
use cross_tenant_identity_emulator::{Endpoint, Fault, Times};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::net::UnixDatagram,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A service that systemd has started.
struct Unit {
    process: Child,
    socket: UnixDatagram,
}

impl Unit {
    fn start(azure: &Azure, command: &mut Command) -> Self {
        let path = azure.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self::listening(command.env("NOTIFY_SOCKET", &path), socket)
    }

    fn listening(command: &mut Command, socket: UnixDatagram) -> Self {
        // A test that would wait for ever is to fail.
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let process = command.stderr(Stdio::null()).spawn().unwrap();
        Self { process, socket }
    }

    fn told(&self) -> String {
        let mut state = [0; 1024];
        let length = self.socket.recv(&mut state).unwrap();
        String::from_utf8(state[..length].to_vec()).unwrap()
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends it as systemd does.
    fn stop(mut self) {
        self.send(Signal::TERM);
        assert_eq!(self.told(), "STOPPING=1");
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
        // Nothing more was told.
        self.socket.set_nonblocking(true).unwrap();
        assert!(self.socket.recv(&mut [0; 1024]).is_err());
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config(azure: &Azure) -> String {
    let tenant = &azure.scenario.target_tenant_id;
    let client = client_of("reports", REPORTS, tenant, RESOURCE);
    format!("listen = \"127.0.0.1:0\"\n{client}")
}

fn serve(azure: &Azure) -> Command {
    let path = azure.file("serve.toml", &config(azure));
    azure.command_with_settings(&["serve", "--config", &path])
}

#[test]
fn serve_tells_that_it_is_ready_that_it_reloads_and_that_it_stops() {
    let azure = Azure::start();
    let unit = Unit::start(&azure, &mut serve(&azure));
    assert_eq!(unit.told(), "READY=1");
    let mut before = 0;
    // Also when the new file is wrong: what was there goes on.
    for text in [config(&azure), "clients = []".to_owned()] {
        azure.file("serve.toml", &text);
        unit.send(Signal::HUP);
        let told = unit.told();
        let time = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let time: u64 = time.unwrap_or_else(|| panic!("{told}")).parse().unwrap();
        assert!(time > before, "{time} is not after {before}");
        before = time;
        assert_eq!(unit.told(), "READY=1");
    }
    unit.stop();
}

#[test]
fn serve_is_not_ready_before_its_configuration_is_right() {
    let azure = Azure::start();
    let mut command = serve(&azure);
    azure.file("serve.toml", "clients = []");
    let mut unit = Unit::start(&azure, &mut command);
    assert_eq!(unit.process.wait().unwrap().code(), Some(2));
    unit.socket.set_nonblocking(true).unwrap();
    assert!(unit.socket.recv(&mut [0; 1024]).is_err());
}

#[test]
fn a_socket_in_the_abstract_namespace_is_told_too() {
    use std::os::linux::net::SocketAddrExt;

    let azure = Azure::start();
    let name = format!("cross-tenant-identity-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let mut command = serve(&azure);
    let unit = Unit::listening(command.env("NOTIFY_SOCKET", format!("@{name}")), socket);
    assert_eq!(unit.told(), "READY=1");
    unit.stop();
}

#[test]
fn a_socket_that_nobody_listens_on_stops_nothing() {
    let azure = Azure::start();
    let gone = azure.folder.path().join("gone");
    let mut serve = Serve::run(serve(&azure).env("NOTIFY_SOCKET", gone));
    serve.signal(Signal::HUP);
    serve.logged("read the file again");
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    serve.end();
}

#[test]
fn write_assertion_is_ready_with_the_file_and_goes_on_without_the_host() {
    let azure = Azure::start();
    let path = azure.folder.path().join("assertion");
    let arguments = ["write-assertion", "--path", path.to_str().unwrap()];
    let unit = Unit::start(&azure, &mut azure.command_with_settings(&arguments));
    assert_eq!(unit.told(), "READY=1");
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(
        crate::client::tenant(&written),
        azure.scenario.home_tenant_id
    );
    azure
        .emulator
        .set_fault(Endpoint::Imds, Fault::Reset, Times::UntilCleared);
    // Signals that usually end a process, and mean nothing here.
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
        unit.send(signal);
    }
    unit.stop();
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
}

#[test]
fn write_assertion_without_a_host_is_not_ready() {
    let azure = Azure::start();
    azure
        .emulator
        .remove_identity_from_host(&azure.scenario.identity_principal_id);
    let path = azure.folder.path().join("assertion");
    let arguments = ["write-assertion", "--path", path.to_str().unwrap()];
    let mut unit = Unit::start(&azure, &mut azure.command_with_settings(&arguments));
    assert_eq!(unit.process.wait().unwrap().code(), Some(1));
    unit.socket.set_nonblocking(true).unwrap();
    assert!(unit.socket.recv(&mut [0; 1024]).is_err());
    assert!(!path.exists());
}
