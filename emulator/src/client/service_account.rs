//! The tokens of Kubernetes service accounts, which AKS workload identity has in a file.
//!
//! Microsoft Learn: "Use Microsoft Entra Workload ID with Azure Kubernetes Service (AKS)", "Service
//! account volume projection".

use serde_json::json;
use std::time::Duration;

use crate::{emulator::Emulator, guid::guid, world::tokens::seconds};

impl Emulator {
    /// The issuer of [`service_account_token`](Emulator::service_account_token), for a federated
    /// identity credential.
    pub const SERVICE_ACCOUNT_ISSUER: &'static str =
        "https://northeurope.oic.prod-aks.azure.com/emulated/cluster/";

    /// A token of a Kubernetes service account, as the kubelet writes it to the file that
    /// `AZURE_FEDERATED_TOKEN_FILE` names. `subject` is `system:serviceaccount:NAMESPACE:NAME`.
    ///
    /// The token is issued by Entra's clock: see [`set_clock_offset`](Emulator::set_clock_offset).
    pub fn service_account_token(&self, subject: &str, lifetime: Duration) -> String {
        let (audience, now) = {
            let state = self.services.state();
            let audience = state.world.directory.cloud.token_exchange_audience();
            (audience, state.world.now())
        };
        self.sign(&json!({
            "aud": [audience],
            "exp": now + seconds(lifetime),
            "iat": now,
            "iss": Emulator::SERVICE_ACCOUNT_ISSUER,
            "jti": guid(),
            "kubernetes.io": {"namespace": "litware-work"},
            "nbf": now,
            "sub": subject,
        }))
    }
}
