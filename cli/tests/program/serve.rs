//! `serve`: many clients, each with its secret, its tenant and its resources.

use crate::{
    client::{self, Endpoint, RESOURCE, tenant},
    support::{Azure, ended},
};
use cross_tenant_identity_emulator::{Endpoint as Of, Fault, Times};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

const REPORTS: &str = "11111111111111111111111111111111reports";
const BACKUP: &str = "22222222222222222222222222222222backup";

/// A running `serve`.
struct Serve {
    process: Child,
    log: BufReader<ChildStderr>,
    endpoint: Endpoint,
    /// What it has written down.
    lines: String,
}

fn client_of(name: &str, secret: &str, tenant: &str, resource: &str) -> String {
    format!(
        "[[clients]]\nname = \"{name}\"\nsecret = \"{secret}\"\ntarget_tenant_id = \"{tenant}\"\nresources = [\"{resource}\"]\n"
    )
}

fn both(azure: &Azure) -> String {
    let tenant = &azure.scenario.target_tenant_id;
    let home = &azure.scenario.home_tenant_id;
    format!(
        "listen = \"127.0.0.1:0\"\n{}{}",
        client_of("reports", REPORTS, tenant, RESOURCE),
        client_of("backup", BACKUP, home, "https://storage.azure.com")
    )
}

fn command(azure: &Azure, config: &str) -> Command {
    let path = azure.file("serve.toml", config);
    azure.command_with_settings(&["serve", "--config", &path])
}

impl Serve {
    fn start(azure: &Azure, config: &str) -> Self {
        let mut process = command(azure, config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let endpoint = Endpoint {
            url: String::new(),
            secret: REPORTS.to_owned(),
        };
        let mut serve = Self {
            process,
            log,
            endpoint,
            lines: String::new(),
        };
        let ready = serve.logged("ready");
        serve.endpoint.url = ready["url"].as_str().unwrap().to_owned();
        serve
    }

    /// Reads on until this was written down.
    fn logged(&mut self, message: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it has ended: {}", self.lines);
            self.lines.push_str(&line);
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            if event["message"]
                .as_str()
                .is_some_and(|it| it.contains(message))
            {
                return event;
            }
        }
    }

    fn as_backup(&self) -> Endpoint {
        Endpoint {
            secret: BACKUP.to_owned(),
            ..self.endpoint.clone()
        }
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends it, and looks for secrets in all that it has written down.
    #[cfg(unix)]
    fn end(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        self.log.read_to_string(&mut self.lines).unwrap();
        assert_eq!(
            self.process.wait().unwrap().code(),
            Some(0),
            "{}",
            self.lines
        );
        for secret in [REPORTS, BACKUP, "eyJ"] {
            assert!(!self.lines.contains(secret), "{}", self.lines);
        }
        std::mem::take(&mut self.lines)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(unix)]
#[test]
fn each_client_gets_tokens_of_its_own_tenant_for_its_own_resources() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let backup = serve.as_backup();
    for (client, resource, expected) in [
        (&serve.endpoint, RESOURCE, &azure.scenario.target_tenant_id),
        (
            &backup,
            "https://storage.azure.com",
            &azure.scenario.home_tenant_id,
        ),
    ] {
        let token = client.token(resource).unwrap().json();
        assert_eq!(&tenant(token["access_token"].as_str().unwrap()), expected);
        assert!(token["expires_on"].as_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(token["resource"], resource);
    }
    let refused = backup.token(RESOURCE).unwrap();
    assert_eq!(refused.status, 403);
    assert!(
        refused.message().contains("the client backup")
            || refused.message().contains("The client backup")
    );
    let query = format!(
        "api-version=2019-08-01&resource={RESOURCE}&tenant_id={}",
        azure.scenario.home_tenant_id
    );
    assert_eq!(serve.endpoint.ask(&query, &[]).unwrap().status, 403);
    let log = serve.end();
    assert_eq!(log.matches("\"outcome\":\"forbidden\"").count(), 2, "{log}");
}

#[cfg(unix)]
#[test]
fn who_has_no_secret_and_who_was_tricked_get_nothing() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let path = format!("/msi/token?api-version=2019-08-01&resource={RESOURCE}");
    let host = format!("Host: {}", endpoint.address());
    let secret = format!("X-IDENTITY-HEADER: {REPORTS}");

    // The same answer for each, so that nothing can be learnt from it.
    let mut answers = Vec::new();
    for wrong in [
        "X-Other: 1".to_owned(),
        "X-IDENTITY-HEADER: x".to_owned(),
        secret[..secret.len() - 1].to_owned(),
        format!("{secret}\r\n{secret}"),
    ] {
        let response = endpoint.send(&path, &[&host, &wrong]).unwrap();
        assert_eq!(response.status, 401, "{wrong}");
        answers.push(response.message());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let other = endpoint.send("/msi/token?resource=no", &[&host, "X-IDENTITY-HEADER: x"]);
    assert_eq!(other.unwrap().message(), answers[0]);

    for headers in [
        vec![host.as_str(), secret.as_str(), "X-Forwarded-For: 10.0.0.1"],
        vec![host.as_str(), secret.as_str(), "Forwarded: for=10.0.0.1"],
        vec!["Host: rebound.example", secret.as_str()],
        vec!["Host: 127.0.0.1", secret.as_str()],
        vec![host.as_str(), "Host: rebound.example", secret.as_str()],
        vec![secret.as_str()],
    ] {
        assert_eq!(
            endpoint.send(&path, &headers).unwrap().status,
            400,
            "{headers:?}"
        );
    }
    for query in [
        format!("resource={RESOURCE}"),
        "api-version=2019-08-01".to_owned(),
        format!("api-version=2019-08-01&resource={RESOURCE}&resource=x"),
        format!("api-version=2019-08-01&resource={RESOURCE}&client_id=another"),
        format!("api-version=2019-08-01&resource={RESOURCE}%20https://vault.azure.net"),
    ] {
        assert_eq!(endpoint.ask(&query, &[]).unwrap().status, 400, "{query}");
    }
    // No assertion comes from here, so the endpoint is never the host of another one.
    let exchange = "api-version=2019-08-01&resource=api://AzureADTokenExchange";
    assert_eq!(endpoint.ask(exchange, &[]).unwrap().status, 403);
    serve.end();
}

#[test]
fn a_huge_request_and_a_slow_one_do_not_stop_others() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let mut slow = TcpStream::connect(endpoint.address()).unwrap();
    slow.write_all(b"GET /msi/token HTTP/1.1\r\nHo").unwrap();
    let header = format!("X-Long: {}", "x".repeat(64 * 1024));
    // The connection may be closed before all was sent.
    if let Ok(response) = endpoint.ask("", &[&header]) {
        assert_eq!(response.status, 431);
    }
    assert_eq!(endpoint.token(RESOURCE).unwrap().status, 200);
    // It is closed by the endpoint, without a token.
    slow.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut rest = String::new();
    let read = slow.read_to_string(&mut rest);
    assert!(read.is_ok() && !rest.contains("200 OK"), "{read:?} {rest}");
}

#[test]
fn sixty_processes_at_once_are_one_identity_request_and_one_token_request() {
    let azure = Azure::start();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n{}",
        client_of(
            "reports",
            REPORTS,
            &azure.scenario.target_tenant_id,
            RESOURCE
        )
    );
    let serve = Serve::start(&azure, &config);
    let start = |_| {
        let mut command = client::command("one_request", &serve.endpoint);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let mut processes: Vec<_> = (0..60).map(start).collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(azure.emulator.requests_to(Of::Imds).len(), 1);
    assert_eq!(azure.emulator.requests_to(Of::Token).len(), 1);
}

#[test]
fn nobody_fails_while_azure_is_down_and_a_token_is_valid() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    for of in [Of::Imds, Of::Token] {
        azure
            .emulator
            .set_fault(of, Fault::Reset, Times::UntilCleared);
    }
    for _ in 0..100 {
        assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
    }
    assert_eq!(serve.endpoint.get("/readyz").unwrap().status, 200);
}

#[test]
fn a_client_that_is_killed_does_not_disturb_the_others() {
    let azure = Azure::start();
    let config = both(&azure).replace(
        RESOURCE,
        &format!("{RESOURCE}\", \"https://vault.azure.net"),
    );
    let serve = Serve::start(&azure, &config);
    let before = azure.emulator.requests_to(Of::Token).len();
    azure
        .emulator
        .set_fault(Of::Token, Fault::Silence, Times::UntilCleared);
    let mut killed = client::command("one_request", &serve.endpoint);
    let mut killed = killed
        .env("CLIENT_RESOURCE", "https://vault.azure.net")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for a token that does not come.
    while azure.emulator.requests_to(Of::Token).len() == before {
        thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 200);
}

#[cfg(unix)]
#[test]
fn the_file_is_read_again_under_load_and_no_token_is_dropped() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let one = format!(
        "listen = \"127.0.0.1:0\"\n{}",
        client_of("reports", REPORTS, tenant, RESOURCE)
    );
    let mut serve = Serve::start(&azure, &one);
    let (endpoint, stop) = (serve.endpoint.clone(), AtomicBool::new(false));
    let backup = serve.as_backup();
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(endpoint.token(RESOURCE).unwrap().status, 200);
            }
        });
        assert_eq!(backup.token(RESOURCE).unwrap().status, 401);
        let two = format!("{one}{}", client_of("backup", BACKUP, tenant, RESOURCE));
        azure.file("serve.toml", &two);
        serve.signal(rustix::process::Signal::HUP);
        assert_eq!(serve.logged("read the file again")["kept_tokens"], true);
        assert_eq!(backup.token(RESOURCE).unwrap().status, 200);
        // What is wrong changes nothing.
        azure.file("serve.toml", "clients = []");
        serve.signal(rustix::process::Signal::HUP);
        let logged = serve.logged("stay as they were");
        assert!(logged["why"].as_str().unwrap().contains("no clients"));
        assert_eq!(backup.token(RESOURCE).unwrap().status, 200);
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap();
    });
    assert_eq!(azure.emulator.requests_to(Of::Token).len(), 1);
    serve.end();
}

#[cfg(unix)]
#[test]
fn it_ends_under_load_and_whoever_was_answered_has_a_token() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = serve.endpoint.clone();
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Ok(response) = endpoint.token(RESOURCE) {
                    assert_eq!(response.status, 200);
                    assert!(response.json()["access_token"].is_string());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        serve.end();
    });
}

#[test]
fn metrics_tell_requests_tokens_and_upstream_and_no_secret() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    serve.endpoint.token(RESOURCE).unwrap();
    serve.as_backup().token(RESOURCE).unwrap();
    serve.endpoint.get("/msi/token").unwrap();
    let metrics = serve.endpoint.get("/metrics").unwrap().body;
    for line in [
        "cross_tenant_identity_requests_total{client=\"reports\",outcome=\"ok\"} 1",
        "cross_tenant_identity_requests_total{client=\"backup\",outcome=\"forbidden\"} 1",
        "cross_tenant_identity_requests_total{client=\"\",outcome=\"unauthorized\"} 1",
        "cross_tenant_identity_upstream_requests_total{leg=\"identity\",status=\"200\"} 1",
        "cross_tenant_identity_upstream_requests_total{leg=\"token\",status=\"200\"} 2",
        "cross_tenant_identity_upstream_requests_in_flight{leg=\"token\"} 0",
        "cross_tenant_identity_token_remaining_seconds{client=\"reports\",resource=\"https://management.azure.com\"} ",
    ] {
        assert!(
            metrics.lines().any(|it| it.starts_with(line)),
            "{line}\n{metrics}"
        );
    }
    for secret in [REPORTS, BACKUP, "eyJ"] {
        assert!(!metrics.contains(secret), "{metrics}");
    }
}

#[test]
fn a_wrong_file_is_told_before_anything_starts() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let good = client_of("reports", REPORTS, tenant, RESOURCE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let unknown = "99999999-9999-4999-8999-999999999999";
    for (config, told) in [
        (
            format!("{good}{good}"),
            "two clients have the name \"reports\"",
        ),
        (
            format!("{good}{}", client_of("other", REPORTS, tenant, RESOURCE)),
            "have the same secret",
        ),
        (
            client_of("reports", REPORTS, unknown, RESOURCE),
            "AADSTS90002",
        ),
        (
            client_of("reports", REPORTS, "not a tenant", RESOURCE),
            "not a tenant",
        ),
        (
            client_of("reports", "short", tenant, RESOURCE),
            "less than 32 characters",
        ),
        (
            client_of("reports", REPORTS, tenant, ""),
            "has no resources",
        ),
        (format!("listen = \"{taken}\"\n{good}"), "cannot listen on"),
        (format!("listen = \"0.0.0.0:0\"\n{good}"), "has no TLS"),
        (
            "listen = \"127.0.0.1:0\"\nclients = []".to_owned(),
            "there are no clients",
        ),
        (good.replace("secret =", "sekret ="), "sekret"),
        (
            good.replace(&format!("\"{REPORTS}\""), "1234567890"),
            "a secret is no text",
        ),
        (
            good.replace("secret = ", "secret_file = "),
            "cannot read its secret_file",
        ),
    ] {
        let config = match config.contains("listen") {
            true => config,
            false => format!("listen = \"127.0.0.1:0\"\n{config}"),
        };
        let ended = ended(&mut command(&azure, &config)).expect(2);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert!(!ended.stderr.contains("1234567890"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
    }
}
