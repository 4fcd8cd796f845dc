//! A running emulator.

use azure_core::http::ClientOptions;
use serde_json::Value;
use std::{fmt, io, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};
use tokio::sync::oneshot;

use crate::{
    app_service, clock,
    faults::{Fault, Times},
    keys::SigningKey,
    log::LoggedRequest,
    principals::guid,
    router::Endpoint,
    scenario::{self, Scenario, Step},
    server::{self, Shared},
    tls::{Authority, ServerCertificate},
    transport,
};

/// A local Azure, listening on the loopback interface from a thread of its own.
///
/// It knows nobody until it is [told the scenario](Emulator::create_scenario) or set up step by step.
/// Dropping it closes its ports and every connection, answered or not.
pub struct Emulator {
    pub(crate) shared: Arc<Shared>,
    authority: &'static Authority,
    plain: SocketAddr,
    tls: SocketAddr,
    imds_url: String,
    identity_endpoint: String,
    https_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator on ports that the system chooses.
    ///
    /// The first one of a process makes its keys and certificate authority, which takes a
    /// fraction of a second; later ones share them.
    ///
    /// # Errors
    ///
    /// If no port, thread or key is to be had.
    pub fn start() -> io::Result<Emulator> {
        let key = SigningKey::of_process()?;
        let authority = Authority::of_process()?;
        let (plain, tls) = (server::bind()?, server::bind()?);
        let (plain_address, tls_address) = (plain.local_addr()?, tls.local_addr()?);
        let shared = Arc::new(Shared::new(key, guid().to_uppercase()));
        // A runtime of its own, so that neither the caller's paused time nor its end matters.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = server::serve(Arc::clone(&shared), plain, tls, authority);
        let thread = std::thread::Builder::new()
            .name("azure-emulator".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        // Fails only before the first connection, which then finds nobody.
                        _ = serving => {}
                        _ = stopped => {}
                    }
                });
                // Connections that still wait for something, silence above all, end with it.
                runtime.shutdown_background();
            })?;
        Ok(Emulator {
            shared,
            authority,
            plain: plain_address,
            tls: tls_address,
            imds_url: format!("http://{plain_address}"),
            identity_endpoint: format!("http://{plain_address}{}", app_service::PATH),
            https_url: format!("https://localhost:{}", tls_address.port()),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Starts over with Contoso and Litware, everything in its place: the identity on the host,
    /// the multi-tenant app and its trust, service principals in both tenants, Reader on one
    /// resource group.
    pub fn create_scenario(&self) -> Scenario {
        self.begin(None)
    }

    /// [`create_scenario`](Emulator::create_scenario) without one of its steps.
    pub fn create_scenario_without(&self, left_out: Step) -> Scenario {
        self.begin(Some(left_out))
    }

    fn begin(&self, left_out: Option<Step>) -> Scenario {
        let (scenario, directory) = scenario::tell(left_out);
        self.shared.world().begin(directory);
        scenario
    }

    /// Options for Azure SDK clients, with which the real host names of public Azure and the
    /// literal `http://169.254.169.254` lead here, so that code and URLs stay production's.
    ///
    /// The transport trusts the emulator's CA alone, uses no proxy, follows no redirect, and
    /// refuses every other host before it opens a connection; URLs on the loopback interface
    /// pass. Each call makes a transport with connections of its own.
    pub fn client_options(&self) -> ClientOptions {
        ClientOptions {
            transport: Some(transport::to_emulator(
                self.plain,
                self.tls,
                &self.authority.pem,
            )),
            ..ClientOptions::default()
        }
    }

    /// `http://127.0.0.1:PORT`: the value for `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    pub fn imds_url(&self) -> &str {
        &self.imds_url
    }

    /// The value for `IDENTITY_ENDPOINT`, as App Service sets it.
    pub fn identity_endpoint(&self) -> &str {
        &self.identity_endpoint
    }

    /// The value for `IDENTITY_HEADER`, as App Service sets it. A secret of this emulator's.
    pub fn identity_header(&self) -> &str {
        &self.shared.identity_header
    }

    /// `https://localhost:PORT`: Entra and Resource Manager, told apart by the path.
    pub fn https_url(&self) -> &str {
        &self.https_url
    }

    /// The certificate of the CA that signed the emulator's, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// A certificate by the emulator's CA for another server on this machine.
    ///
    /// # Errors
    ///
    /// If `names` holds something that is neither a DNS name nor an IP address.
    pub fn server_certificate(&self, names: &[&str]) -> io::Result<ServerCertificate> {
        self.authority.certify(names)
    }

    /// From now on `fault` befalls requests to `endpoint`, in the place of any fault set before.
    pub fn set_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.shared.faults().set(endpoint, fault, times);
    }

    /// Like [`set_fault`](Emulator::set_fault), but after those that were set before.
    pub fn add_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.shared.faults().add(endpoint, fault, times);
    }

    /// Nothing goes wrong any more. Answers that are on their way stay as they are.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// The requests so far, in the order of their arrival; of very many, the last 100,000.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log().requests()
    }

    /// The requests so far to one endpoint.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<LoggedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == endpoint);
        requests
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// How long new managed identity tokens live; 24 hours unless set. Those that the host
    /// already keeps stay: see [`forget_imds_tokens`](Emulator::forget_imds_tokens).
    pub fn set_assertion_lifetime(&self, lifetime: Duration) {
        self.shared.world().settings.assertion_lifetime = lifetime;
    }

    /// The host forgets the managed identity tokens it keeps: its next answer is a new one.
    pub fn forget_imds_tokens(&self) {
        self.shared.world().identity_tokens.clear();
    }

    /// How long Entra's access tokens live; 3,599 seconds unless set.
    pub fn set_access_token_lifetime(&self, lifetime: Duration) {
        self.shared.world().settings.access_token_lifetime = lifetime;
    }

    /// Whether, and with which value, token answers hold `refresh_in`. Not unless set.
    pub fn set_refresh_in(&self, refresh_in: Option<Duration>) {
        self.shared.world().settings.refresh_in = refresh_in;
    }

    /// By how many seconds the clock of Entra and Resource Manager is ahead of the machine's
    /// (negative: behind). The host's identity endpoint goes by the machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.world().settings.clock_offset = clock::bounded_offset(seconds);
    }

    /// Whether an app gets a token (without `oid`) in its home tenant when it has no service
    /// principal there: the old behaviour, being retired in 2026. Off unless set. A target
    /// tenant without service principal always refuses.
    pub fn set_home_tokens_without_service_principal(&self, allowed: bool) {
        self.shared
            .world()
            .settings
            .home_tokens_without_service_principal = allowed;
    }

    /// Whether more than 15 equal token requests in five minutes are refused (AADSTS50196). On
    /// unless set. Only requests that would otherwise be granted count.
    pub fn set_loop_detection(&self, on: bool) {
        self.shared.world().settings.loop_detection = on;
    }

    /// The most that Resource Manager puts into one page; 1,000 unless set.
    pub fn set_page_size(&self, size: usize) {
        self.shared.world().settings.page_size = size.max(1);
    }

    /// A JWT with these claims, signed by Entra's key: an assertion that is wrong in just one
    /// respect, or a token for a server under test.
    pub fn sign(&self, claims: &Value) -> String {
        self.shared.key.sign(claims)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // Waiting for it is what makes the ports free when this returns.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("imds_url", &self.imds_url)
            .field("https_url", &self.https_url)
            .finish_non_exhaustive()
    }
}
