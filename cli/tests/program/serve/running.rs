//! A running `serve`, and configurations for it.

use crate::{
    client::{Endpoint, RESOURCE},
    support::Azure,
};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

pub(crate) const REPORTS: &str = "11111111111111111111111111111111reports";
pub(crate) const BACKUP: &str = "22222222222222222222222222222222backup";

/// A running `serve`.
pub(crate) struct Serve {
    process: Child,
    log: BufReader<Box<dyn Read + Send + Sync>>,
    pub(crate) endpoint: Endpoint,
    /// What it has written down.
    lines: String,
}

pub(crate) fn client_of(name: &str, secret: &str, tenant: &str, resource: &str) -> String {
    format!(
        "[[clients]]\nname = \"{name}\"\nsecret = \"{secret}\"\ntarget_tenant_id = \"{tenant}\"\nresources = [\"{resource}\"]\n"
    )
}

pub(crate) fn both(azure: &Azure) -> String {
    let tenant = &azure.scenario.target_tenant_id;
    let home = &azure.scenario.home_tenant_id;
    format!(
        "listen = \"127.0.0.1:0\"\n{}{}",
        client_of("reports", REPORTS, tenant, RESOURCE),
        client_of("backup", BACKUP, home, "https://storage.azure.com")
    )
}

pub(crate) fn command(azure: &Azure, config: &str) -> Command {
    let path = azure.file("serve.toml", config);
    azure.command_with_settings(&["serve", "--config", &path])
}

impl Serve {
    pub(crate) fn start(azure: &Azure, config: &str) -> Self {
        Self::run(&mut command(azure, config))
    }

    pub(crate) fn run(command: &mut Command) -> Self {
        let mut serve = Self::starting(command);
        let ready = serve.logged("ready");
        serve.endpoint.url = ready["url"].as_str().unwrap().to_owned();
        serve
    }

    /// It may not be ready yet.
    pub(crate) fn starting(command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let log: Box<dyn Read + Send + Sync> = Box::new(process.stderr.take().unwrap());
        let log = BufReader::new(log);
        let endpoint = Endpoint {
            url: String::new(),
            secret: REPORTS.to_owned(),
        };
        Self {
            process,
            log,
            endpoint,
            lines: String::new(),
        }
    }

    /// Reads on until this was written down.
    pub(crate) fn logged(&mut self, message: &str) -> serde_json::Value {
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

    /// From now on nobody reads what it writes down: that fails.
    #[cfg(unix)]
    pub(crate) fn close_log(&mut self) {
        self.log = BufReader::new(Box::new(std::io::empty()));
    }

    pub(crate) fn as_backup(&self) -> Endpoint {
        Endpoint {
            secret: BACKUP.to_owned(),
            ..self.endpoint.clone()
        }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends it, and looks for secrets in all that it has written down.
    #[cfg(unix)]
    pub(crate) fn end(mut self) -> String {
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

/// Does `work` while a client asks for its token without a pause, and always gets it.
#[cfg(unix)]
pub(crate) fn under_load(endpoint: &Endpoint, work: impl FnOnce()) {
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let is_stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also if `work` panics: else the scope would wait for the load for ever.
        let stop = Stop(&is_stopped);
        let load = scope.spawn(|| {
            while !is_stopped.load(Ordering::Relaxed) {
                assert_eq!(endpoint.token(RESOURCE).unwrap().status, 200);
            }
        });
        work();
        drop(stop);
        load.join().unwrap();
    });
}
