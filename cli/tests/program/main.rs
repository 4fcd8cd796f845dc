//! The real program, in a process of its own, against the emulator.

mod audit;
mod claims;
mod client;
mod command_line;
mod doctor;
mod exec;
mod files;
mod groups;
mod own_endpoint;
mod readme;
mod serve;
mod serve_rejected_token;
mod serve_tls;
mod settings;
mod setup;
mod support;
mod token;
