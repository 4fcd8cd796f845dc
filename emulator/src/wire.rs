//! HTTP, TLS and sockets. Nothing here knows what Azure is, except for the host names of its
//! services.

pub(crate) mod fault_stream;
pub(crate) mod hosts;
pub(crate) mod http;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod transport;
