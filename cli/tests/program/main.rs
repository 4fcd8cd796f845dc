//! The real program, in a process of its own, against the emulator.

mod audit;
mod claims;
mod client;
mod command_line;
#[cfg(target_os = "linux")]
mod core_dumps;
mod doctor;
mod exec;
#[cfg(unix)]
mod exec_signals;
mod files;
mod groups;
mod own_endpoint;
mod readme;
mod serve;
mod serve_metrics;
mod serve_rejected_token;
mod serve_tls;
mod settings;
mod setup;
mod support;
#[cfg(target_os = "linux")]
mod systemd;
mod token;
