//! What an example says when something fails.

use std::error::Error;

pub fn explain(error: &(dyn Error + 'static)) {
    eprintln!("error: {}", cross_tenant_identity::explain(error));
}
