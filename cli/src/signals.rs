//! The signals that this process receives.

use std::io;

#[cfg(unix)]
pub(crate) use unix::{Received, Signals};

#[cfg(unix)]
mod unix {
    use super::io;
    use futures::future::select_all;
    use rustix::{
        process::{Signal, getpgrp},
        termios::tcgetpgrp,
    };
    use std::fs::File;
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    /// Those that usually end a process, and those that people use for their own ends.
    const ALL: [Signal; 6] = [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
    ];

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Received(Signal);

    impl Received {
        pub(crate) fn signal(&self) -> Signal {
            self.0
        }

        /// Ctrl+C and Ctrl+\ reach all processes that are in the foreground of the terminal.
        pub(crate) fn is_of_terminal(&self) -> bool {
            matches!(self.0, Signal::INT | Signal::QUIT) && is_in_foreground()
        }

        /// SIGHUP asks a service to read its configuration again.
        pub(crate) fn asks_to_reload(&self) -> bool {
            self.0 == Signal::HUP
        }

        pub(crate) fn asks_to_end(&self) -> bool {
            matches!(self.0, Signal::INT | Signal::TERM | Signal::QUIT)
        }
    }

    pub(crate) struct Signals(Vec<(Signal, Stream)>);

    impl Signals {
        /// From now on the signals do not end the process.
        pub(crate) fn new() -> io::Result<Self> {
            Self::without(0)
        }

        /// The same, but one that was ignored before, as `nohup` does it, stays ignored: also in processes
        /// that this one starts.
        pub(crate) fn of_command() -> io::Result<Self> {
            Self::without(ignored())
        }

        fn without(ignored: u64) -> io::Result<Self> {
            let streams = ALL
                .iter()
                .filter(|it| ignored & (1 << (it.as_raw() - 1)) == 0)
                .map(|it| Ok((*it, signal(SignalKind::from_raw(it.as_raw()))?)));
            Ok(Self(streams.collect::<io::Result<_>>()?))
        }

        pub(crate) async fn next(&mut self) -> Received {
            let all = self.0.iter_mut().map(|(it, stream)| {
                let it = *it;
                Box::pin(async move {
                    stream.recv().await;
                    it
                })
            });
            let all: Vec<_> = all.collect();
            if all.is_empty() {
                return std::future::pending().await;
            }
            Received(select_all(all).await.0)
        }
    }

    /// Whatever its standard input is.
    fn is_in_foreground() -> bool {
        File::open("/dev/tty")
            .is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
    }

    /// A bit for each signal, the lowest for number 1 (proc_pid_status(5)).
    #[cfg(target_os = "linux")]
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
        mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok())
            .unwrap_or_default()
    }

    /// Only unsafe code can ask elsewhere (sigaction(2)).
    #[cfg(not(target_os = "linux"))]
    fn ignored() -> u64 {
        0
    }
}

#[cfg(not(unix))]
pub(crate) struct Signals;

/// Ctrl+C.
#[cfg(not(unix))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received;

#[cfg(not(unix))]
impl Received {
    pub(crate) fn asks_to_reload(&self) -> bool {
        false
    }

    pub(crate) fn asks_to_end(&self) -> bool {
        true
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn of_command() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> Received {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals, the user has to end the process in another way.
            std::future::pending::<()>().await;
        }
        Received
    }
}

impl Signals {
    /// Until a signal asks to end.
    pub(crate) async fn end(&mut self) {
        while !self.next().await.asks_to_end() {}
    }
}
