//! What an example says when something fails.

use azure_core::error::ErrorKind;
use cross_tenant_identity::Diagnosis;
use std::error::Error;

pub fn explain(error: &(dyn Error + 'static)) {
    // azure_core's outermost message only says that it will not try again; the credential's own,
    // below it, says what Entra said and what to do.
    if let Some(why) = cross_tenant_identity::Error::find(error) {
        eprintln!("error: {why}");
        for command in why.diagnosis().map_or(&[][..], Diagnosis::commands) {
            eprintln!("    {command}");
        }
    } else {
        match error.downcast_ref().map(azure_core::Error::kind) {
            Some(ErrorKind::HttpResponse {
                status,
                error_code: Some(code),
                ..
            }) => eprintln!("error: HTTP {status} {code}: {error}"),
            _ => eprintln!("error: {error}"),
        }
        if let Some(diagnosis) = Diagnosis::of(error) {
            eprintln!("\n{diagnosis}");
        }
    }
}
