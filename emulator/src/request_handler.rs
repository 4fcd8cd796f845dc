//! What happens to a request between the connection and its service: the log and the faults.

use std::future::pending;

use crate::{
    clock,
    router::Route,
    services::Services,
    wire::{
        fault_stream::WritePlan,
        http::{Request, Response},
        server::{Handler, Listener},
    },
    world::{endpoint::Endpoint, faults::Fault},
};

impl Handler for Services {
    fn refuses_handshake(&self) -> bool {
        self.faults().next(Endpoint::TlsHandshake).is_some()
    }

    async fn handle(&self, listener: Listener, request: Request) -> (Response, WritePlan) {
        let route = Route::of(listener, &request);
        let endpoint = route.endpoint();
        let number = self.log().add_request(endpoint, &request);
        let fault = self.faults().next(endpoint);

        let mut clock_error = 0;
        match &fault {
            Some(Fault::Silence) => {
                self.log_response(number, None);
                pending().await
            }
            Some(Fault::Delay(delay)) => clock::sleep(*delay).await,
            Some(Fault::WrongClock { seconds }) => clock_error = clock::bounded_offset(*seconds),
            _ => {}
        }
        let replacement = fault.as_ref().and_then(Fault::replacement);
        let response = replacement.unwrap_or_else(|| self.respond(&route, &request, clock_error));
        if matches!(fault, Some(Fault::Reset | Fault::ResetInHead)) {
            self.log_response(number, None);
        } else {
            self.log_response(number, Some(response.status));
        }
        let plan = fault.map_or_else(WritePlan::default, |fault| {
            fault.write_plan(response.body.len())
        });
        (response, plan)
    }
}
