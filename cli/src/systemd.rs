//! Tells systemd how far the service is (sd_notify(3)).

/// Nothing happens where systemd did not start it.
pub(crate) fn notify(state: &str) {
    #[cfg(unix)]
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        // Whoever does not listen is not to be told.
        let _ = unix::send(&socket, state);
    }
    #[cfg(not(unix))]
    let _ = state;
}

/// systemd wants the time, to tell this reload from another one (`Type=notify-reload`).
pub(crate) fn reloading() {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }
}

#[cfg(unix)]
mod unix {
    use std::{ffi::OsStr, io, os::unix::net::UnixDatagram};

    pub(super) fn send(socket: &OsStr, state: &str) -> io::Result<()> {
        let sender = UnixDatagram::unbound()?;
        #[cfg(target_os = "linux")]
        {
            use std::os::{
                linux::net::SocketAddrExt,
                unix::{ffi::OsStrExt, net::SocketAddr},
            };
            // A name in the abstract namespace begins with @.
            if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
                let address = SocketAddr::from_abstract_name(name)?;
                return sender.send_to_addr(state.as_bytes(), &address).map(drop);
            }
        }
        sender.send_to(state.as_bytes(), socket).map(drop)
    }
}
