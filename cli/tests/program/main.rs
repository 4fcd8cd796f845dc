//! The real program, in a process of its own, against the emulator.

mod audit;
mod claims;
mod command_line;
mod doctor;
mod groups;
mod readme;
mod settings;
mod setup;
mod support;
mod token;
