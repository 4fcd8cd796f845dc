//! A running emulator.

use azure_core::http::ClientOptions;
use serde_json::Value;
use std::{fmt, io, net::SocketAddr, sync::Arc, thread::JoinHandle};
use tokio::sync::oneshot;

use crate::{
    guid::guid,
    identity::{app_service, azure_arc, azure_ml, service_fabric},
    scenario::{self, Scenario, step::Step},
    services::Services,
    wire::{
        server,
        tls::{Authority, ServerCertificate},
        transport,
    },
    world::{
        endpoint::Endpoint,
        faults::{Fault, Times},
        log::LoggedRequest,
        signing_key::SigningKey,
    },
};

/// A local Azure. It listens only on the loopback interface, from its own thread.
///
/// A new emulator is empty. [`create_scenario`](Emulator::create_scenario) fills it, or the set-up
/// methods do so step by step. Dropping it closes its ports and all connections.
pub struct Emulator {
    pub(crate) services: Arc<Services>,
    authority: &'static Authority,
    http: SocketAddr,
    https: SocketAddr,
    imds_url: String,
    identity_endpoint: String,
    https_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator on ports that the system chooses.
    ///
    /// The first emulator of a process generates the keys and the certificate authority, which
    /// takes a fraction of a second. Later emulators share them.
    ///
    /// # Errors
    ///
    /// If no port, no thread or no key is available.
    pub fn start() -> io::Result<Emulator> {
        Emulator::start_on(0, 0)
    }

    /// Starts an emulator on these ports of the loopback interface: one for HTTP (the identity
    /// endpoints), one for HTTPS (all other services). The system chooses a port that is 0.
    ///
    /// # Errors
    ///
    /// If a port is in use, or no thread or no key is available.
    pub fn start_on(http_port: u16, https_port: u16) -> io::Result<Emulator> {
        let key = SigningKey::of_process()?;
        let authority = Authority::of_process()?;
        let (http, https) = (server::bind(http_port)?, server::bind(https_port)?);
        let (http_address, https_address) = (http.local_addr()?, https.local_addr()?);
        let services = Arc::new(Services::new(key, guid().to_uppercase()));
        // The emulator has its own runtime, so that it does not depend on the caller's. The
        // caller's time can be paused, and the caller's runtime can end.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let tls = Arc::clone(&authority.server);
        let serving = server::serve(Arc::clone(&services), http, https, tls);
        let thread = std::thread::Builder::new()
            .name("azure-emulator".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        // An error is possible only before the first connection.
                        _ = serving => {}
                        _ = stopped => {}
                    }
                });
                // Ends the connections that wait, for example because of `Fault::Silence`.
                runtime.shutdown_background();
            })?;
        Ok(Emulator {
            services,
            authority,
            http: http_address,
            https: https_address,
            imds_url: format!("http://{http_address}"),
            identity_endpoint: format!("http://{http_address}{}", app_service::PATH),
            https_url: format!("https://localhost:{}", https_address.port()),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Removes everything that exists and creates Contoso and Litware, ready to use: a managed
    /// identity that is assigned to the host, a multi-tenant app with a federated identity
    /// credential, service principals in both tenants, and the role Reader on one resource group.
    ///
    /// The identity and the app's service principal in Litware may read their tenant in Microsoft
    /// Graph: see [`remove_graph_permissions`](Emulator::remove_graph_permissions).
    pub fn create_scenario(&self) -> Scenario {
        self.replace_scenario(None)
    }

    /// Like [`create_scenario`](Emulator::create_scenario), but leaves out one step or takes it
    /// wrongly. [`Step`] says what each of them does, and which values a client has to take from
    /// the [`Scenario`].
    pub fn create_scenario_without(&self, left_out: Step) -> Scenario {
        self.replace_scenario(Some(left_out))
    }

    fn replace_scenario(&self, left_out: Option<Step>) -> Scenario {
        let (scenario, directory) = scenario::create(left_out);
        self.services.state().reset(directory);
        scenario
    }

    /// Options for Azure SDK clients. With them, the real host names of public Azure and
    /// `http://169.254.169.254` connect to the emulator, so that a test uses the same code and the
    /// same URLs as production.
    ///
    /// The transport trusts only the emulator's CA, uses no proxy and follows no redirects. It
    /// allows URLs on the loopback interface, and refuses every other host before it opens a
    /// connection. Each call creates a transport with its own connections.
    ///
    /// One value serves both legs of a credential: IMDS and Entra. For both at once see
    /// [`credential_settings`](Emulator::credential_settings).
    pub fn client_options(&self) -> ClientOptions {
        ClientOptions {
            transport: Some(transport::new(self.http, self.https, &self.authority.pem)),
            ..ClientOptions::default()
        }
    }

    /// `http://127.0.0.1:PORT`, the value for `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    pub fn imds_url(&self) -> &str {
        &self.imds_url
    }

    /// The value for `IDENTITY_ENDPOINT`, as App Service sets it.
    pub fn identity_endpoint(&self) -> &str {
        &self.identity_endpoint
    }

    /// The value for `IDENTITY_HEADER`, as App Service and Service Fabric set it, and for the
    /// `MSI_SECRET` of Azure Machine Learning. It is a secret of this emulator.
    pub fn identity_header(&self) -> &str {
        &self.services.identity_header
    }

    /// The value for `IDENTITY_ENDPOINT`, as the agent of Azure Arc sets it. `IMDS_ENDPOINT` is
    /// [`imds_url`](Self::imds_url). See [`set_arc_key_directory`](Self::set_arc_key_directory).
    pub fn arc_endpoint(&self) -> String {
        format!("{}{}", self.imds_url, azure_arc::PATH)
    }

    /// The directory in which the agent of Azure Arc writes its key files. A client trusts only
    /// `/var/opt/azcmagent/tokens`. Without a directory the endpoint responds with 500.
    pub fn set_arc_key_directory(&self, directory: impl Into<std::path::PathBuf>) {
        self.services.state().arc_keys.directory = Some(directory.into());
    }

    /// The value for `MSI_ENDPOINT`, as Azure Machine Learning sets it. `MSI_SECRET` is
    /// [`identity_header`](Self::identity_header).
    pub fn azure_ml_endpoint(&self) -> String {
        format!("{}{}", self.imds_url, azure_ml::PATH)
    }

    /// The value for `IDENTITY_ENDPOINT`, as Service Fabric sets it. `IDENTITY_HEADER` is
    /// [`identity_header`](Self::identity_header), `IDENTITY_SERVER_THUMBPRINT` is
    /// [`server_thumbprint`](Self::server_thumbprint).
    pub fn service_fabric_endpoint(&self) -> String {
        format!("{}{}", self.https_url, service_fabric::PATH)
    }

    /// The SHA-1 thumbprint of the certificate of the HTTPS listener, in hexadecimal digits.
    pub fn server_thumbprint(&self) -> &str {
        &self.authority.server_thumbprint
    }

    /// `https://localhost:PORT`: Entra, Resource Manager, Microsoft Graph, and the key vault if
    /// there is exactly one. The path decides which of them responds.
    pub fn https_url(&self) -> &str {
        &self.https_url
    }

    /// The certificate of the emulator's CA, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// A certificate from the emulator's CA for another server on this machine.
    ///
    /// # Errors
    ///
    /// If a name is neither a DNS name nor an IP address.
    pub fn server_certificate(&self, names: &[&str]) -> io::Result<ServerCertificate> {
        self.authority.certify(names)
    }

    /// Sets the fault for the next requests to `endpoint`. Replaces all faults of the endpoint.
    pub fn set_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.services.faults().set(endpoint, fault, times);
    }

    /// Adds a fault that follows the faults that are already set for `endpoint`.
    pub fn add_fault(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.services.faults().add(endpoint, fault, times);
    }

    /// Removes all faults. Does not change responses that have already started.
    pub fn clear_faults(&self) {
        self.services.faults().clear();
    }

    /// The requests so far, in the order of their arrival. The emulator keeps the last 100,000.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.services.log().requests()
    }

    /// The requests so far to one endpoint.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<LoggedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == endpoint);
        requests
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.services.log().clear();
    }

    /// Calls `observer` with each request from now on, when the response is about to be sent or
    /// when it is clear that there is none. Replaces the observer before. `observer` runs on the
    /// emulator's thread.
    pub fn on_request(&self, observer: impl Fn(&LoggedRequest) + Send + Sync + 'static) {
        self.services.log().observe(Arc::new(observer));
    }

    /// Signs a JWT with these claims, with the key of Entra. Use it for an assertion that is wrong
    /// in one detail, or for a token that a server under test checks.
    pub fn sign(&self, claims: &Value) -> String {
        self.services.key.sign(claims)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // This fails if the thread has already ended.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // After this the ports are free.
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
