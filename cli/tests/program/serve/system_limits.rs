//! What the system does not give: a reader of the log, open files.

use super::running::{Serve, both, command};
use crate::{client::RESOURCE, support::Azure};
use rustix::process::Signal;
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

#[test]
fn it_goes_on_when_nobody_reads_its_log() {
    let azure = Azure::start();
    let mut serve = Serve::start(&azure, &both(&azure));
    serve.close_log();
    // It is written down that there was no secret.
    let path = format!("/msi/token?api-version=2019-08-01&resource={RESOURCE}");
    let host = format!("Host: {}", serve.endpoint.address());
    assert_eq!(serve.endpoint.send(&path, &[&host]).unwrap().status, 401);
    // And that the file was read.
    serve.signal(Signal::HUP);
    let is_read = |metrics: &str| metrics.contains("config_last_reload_successful 1");
    while !is_read(&serve.endpoint.get("/metrics").unwrap().body) {}
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    serve.end();
}

/// `serve` with so many open files at most.
fn limited(azure: &Azure, limit: &str) -> Command {
    let of_serve = command(azure, &both(azure));
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("ulimit {limit}; exec \"$@\""), "sh"])
        .arg(of_serve.get_program())
        .args(of_serve.get_args())
        .env_clear()
        .envs(
            of_serve
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    shell
}

/// A connection that stays open.
fn connect(serve: &Serve) -> TcpStream {
    let stream = TcpStream::connect(serve.endpoint.address()).unwrap();
    // Nothing hangs: a test that would is to fail.
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

fn ask_if_alive(serve: &Serve, stream: &mut TcpStream) {
    let host = serve.endpoint.address();
    write!(stream, "GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\nok\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        response.push(byte[0]);
    }
}

#[test]
fn connections_leave_open_files_for_everything_else() {
    let azure = Azure::start();
    let mut serve = Serve::run(&mut limited(&azure, "-n 64"));
    let mut answered: Vec<_> = (0..32).map(|_| connect(&serve)).collect();
    for stream in &mut answered {
        ask_if_alive(&serve, stream);
    }
    // More than there are files for.
    let waiting: Vec<_> = (0..64).map(|_| connect(&serve)).collect();
    ask_if_alive(&serve, &mut answered[0]);
    serve.signal(Signal::HUP);
    // Reading the file needs one.
    let logged = serve.logged("the file");
    assert_eq!(logged["message"], "read the file again", "{logged}");
    drop((answered, waiting));
    serve.end();
}

#[test]
fn a_low_limit_that_may_be_raised_is_no_limit() {
    let azure = Azure::start();
    let serve = Serve::run(&mut limited(&azure, "-S -n 64"));
    let mut answered: Vec<_> = (0..200).map(|_| connect(&serve)).collect();
    for stream in &mut answered {
        ask_if_alive(&serve, stream);
    }
    drop(answered);
    serve.end();
}
